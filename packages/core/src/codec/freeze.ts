import { shapeOf } from './kinds.ts'

/** Makes every one of these objects read-only, in place. */
export function freezeAll(nodes: readonly object[]): void {
  for (const node of nodes) {
    const shape = shapeOf(node)
    if (typeof shape === 'object' && shape.isSealed?.(node) === false) shape.seal?.(node)
    Object.freeze(node)
  }
}

/** Whether nothing is left to freeze: the value was sealed before, or its owner froze it to the bottom. */
export function isFrozenThroughout(nodes: readonly object[]): boolean {
  return nodes.every((node) => Object.isFrozen(node) && !needsSeal(node))
}

function needsSeal(node: object): boolean {
  const shape = shapeOf(node)
  return typeof shape === 'object' && shape.isSealed?.(node) === false
}
