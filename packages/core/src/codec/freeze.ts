import { CacheError, show } from '../errors.ts'
import { shapeOf } from './kinds.ts'

/** Makes every one of these objects read-only, in place. Throws `unsupported_value` at one that cannot be. */
export function freezeAll(nodes: readonly object[]): void {
  for (const node of nodes) {
    try {
      freezeNode(node)
    } catch (cause) {
      // process.env and module namespaces look plain and refuse.
      const message = `value: ${show(node)} inside it cannot be frozen; store a copy of it`
      throw new CacheError('unsupported_value', message, { cause })
    }
  }
}

/** Whether nothing is left to freeze: the value was sealed before, or its owner froze it to the bottom. */
export function isFrozenThroughout(nodes: readonly object[]): boolean {
  return nodes.every((node) => Object.isFrozen(node) && !needsSeal(node))
}

function freezeNode(node: object): void {
  const shape = shapeOf(node)
  if (typeof shape === 'object' && shape.isSealed?.(node) === false) shape.seal?.(node)
  Object.freeze(node)
}

function needsSeal(node: object): boolean {
  const shape = shapeOf(node)
  return typeof shape === 'object' && shape.isSealed?.(node) === false
}
