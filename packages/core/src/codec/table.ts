/**
 * The tagged form as a structure: a flat table of nodes that refer to each other by number, so that cycles and
 * shared references keep their graph and no depth overflows a stack. Specified in docs/wire/codec.md.
 *
 * Element 0 is the root's slot; element n ≥ 1 is the node that `[n]` refers to. A node comes after the nodes it
 * refers to, cycles apart.
 */
export type Table = readonly [root: Slot, ...nodes: TableNode[]]

/**
 * A member. Strings, finite numbers, booleans and null stand for themselves; what JSON cannot carry is an array of
 * one: `[n]` node n, `["-ff"]` the bigint -0xff, `[-1]` and below the codes of `SPECIAL`.
 */
export type Slot = null | boolean | number | string | readonly [number | string]

/** A node: `{…}` plain object, `[[…]]` array, `["Tag", …]` anything else. */
export type TableNode =
  | { readonly [name: string]: Slot }
  | readonly [elements: readonly Slot[]]
  | readonly [tag: string, ...parts: readonly (Slot | { readonly [name: string]: Slot })[]]

/** Codes of the values that JSON has no word for. Written to L2: never change one. */
export const SPECIAL = {
  undefined: -1,
  /** An element that an array does not have. */
  hole: -2,
  nan: -3,
  infinity: -4,
  minusInfinity: -5,
  minusZero: -6,
} as const

/** Tag of an object without prototype; one part, its properties. */
export const NULL_OBJECT_TAG = 'NullObject'

/** Tag of an instance of a registered type; two parts, the type's name and the slot of what `encode` gave. */
export const NAMED_TAG = 'Named'

/** A table, and the raw bytes its nodes speak of, in the order of those nodes. */
export interface TableWithBytes {
  readonly table: Table
  readonly bytes: readonly Uint8Array[]
}
