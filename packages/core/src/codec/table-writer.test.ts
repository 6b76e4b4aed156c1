import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NamedTypes } from './named-types.ts'
import { writeTable } from './table-writer.ts'

class Node {
  readonly to: object[] = []
}

const types = new NamedTypes([
  {
    name: 'Node',
    is: (value): value is Node => value instanceof Node,
    encode: (node: Node): unknown => node.to,
    decode: (): Node => new Node(),
  },
])

interface Drawn {
  readonly isNamed: boolean
  readonly to: readonly number[]
}

/** Arrays and registered instances that hold each other. */
function build(drawing: readonly Drawn[]): object[] {
  const nodes = drawing.map(({ isNamed }) => (isNamed ? new Node() : []))
  drawing.forEach(({ to }, at) => {
    const node = nodes[at]
    const members = node instanceof Node ? node.to : node
    for (const next of to) members?.push(nodes[next % nodes.length] ?? [])
  })
  return nodes
}

function membersOf(node: object): readonly object[] {
  if (node instanceof Node) return node.to
  return Array.isArray(node) ? node : []
}

/** What an object leads to, itself only by a cycle. */
function behind(start: object): Set<object> {
  const found = new Set<object>()
  const todo: object[] = [start]
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    for (const next of membersOf(node)) {
      if (found.has(next)) continue
      found.add(next)
      todo.push(next)
    }
  }
  return found
}

function drawings(nodes: number): fc.Arbitrary<Drawn[]> {
  const drawn = fc.record({
    isNamed: fc.nat({ max: nodes - 1 }).map((n) => n === 0),
    to: fc.array(fc.nat({ max: nodes - 1 }), { minLength: 1, maxLength: 2 }),
  })
  return fc.array(drawn, { minLength: nodes, maxLength: nodes })
}

describe('a registered instance', () => {
  test.each([3, 5, 8, 12])('is refused exactly where it leads back to itself (graphs of %d)', (nodes) => {
    fc.assert(
      fc.property(drawings(nodes), (drawing) => {
        const [root = []] = build(drawing)
        const reached = [root, ...behind(root)]
        const isCyclic = reached.some((node) => node instanceof Node && behind(node).has(node))
        if (isCyclic) expect(() => writeTable(root, types)).toThrow('part of its own encoding')
        else expect(() => writeTable(root, types)).not.toThrow()
      }),
      { numRuns: 8_000 },
    )
  })

  test('is refused also where the way back was asked for before, in any order of the parts', () => {
    for (const order of ['yab', 'yba', 'ayb', 'aby', 'bya', 'bay']) {
      const [root, y, v, a, b]: [object[], object[], object[], object[], Node] = [[], [], [], [], new Node()]
      y.push(v, root)
      v.push(y)
      a.push(v)
      b.to.push(v)
      for (const name of order) root.push(name === 'y' ? y : name === 'a' ? a : b)
      expect(() => writeTable(root, types), order).toThrow('part of its own encoding')
    }
  })

  test('stands in the table after all that it leads to', () => {
    fc.assert(
      fc.property(drawings(6), (drawing) => {
        const [root = []] = build(drawing)
        const reached = [root, ...behind(root)]
        if (reached.some((node) => node instanceof Node && behind(node).has(node))) return
        const [, ...table] = writeTable(root, types).table
        const referredBy = (at: number): number[] =>
          [...JSON.stringify(table[at - 1]).matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n))
        table.forEach((node, i) => {
          if (!Array.isArray(node) || node[0] !== 'Named') return
          const seen = new Set<number>()
          const todo = referredBy(i + 1)
          for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
            expect(at).toBeLessThan(i + 1)
            if (!seen.has(at)) todo.push(...referredBy(at))
            seen.add(at)
          }
        })
      }),
      { numRuns: 2_000 },
    )
  })
})

test('a hundred thousand objects that all know each other by way of one are written in linear time', () => {
  const root: Record<string, unknown> = {}
  const list = Array.from({ length: 100_000 }, (): Record<string, unknown> => ({ root }))
  list.forEach((node, i) => {
    node.next = list[i + 1]
    node.before = list[i - 1]
  })
  root.list = list
  expect(writeTable(root, types).table.length).toBe(100_003)
})
