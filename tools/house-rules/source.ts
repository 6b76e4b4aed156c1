import { type Comment, type Node, parseSync, visitorKeys } from 'oxc-parser'

/** A node and the nodes around it, innermost first. */
export interface Place {
  readonly node: Node
  readonly parents: readonly Node[]
}

/** A source file, parsed. */
export interface Source {
  /** Path from the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly comments: readonly Comment[]
  /** Every node of the file, a parent before its children. */
  readonly places: readonly Place[]
  /** The line of an offset, from 1. */
  lineOf(offset: number): number
}

/** Parses TypeScript. A file that does not parse throws, with its name. */
export function parseSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text)
  const [error] = errors
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  const lineStarts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  return {
    path,
    text,
    comments,
    places: [...walk(program, [])],
    lineOf: (offset) => lineStarts.findLastIndex((start) => start <= offset) + 1,
  }
}

function* walk(node: Node, parents: readonly Node[]): Generator<Place> {
  yield { node, parents }
  const inner = [node, ...parents]
  for (const key of visitorKeys[node.type] ?? []) {
    const child: unknown = Reflect.get(node, key)
    for (const item of Array.isArray(child) ? child : [child]) if (isNode(item)) yield* walk(item, inner)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}
