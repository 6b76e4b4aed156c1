import { show } from '../errors.ts'
import type { Slot } from './table.ts'

/** Where a member sits in its holder: a property's name, an element's index, or what the kind's own `step` reads. */
export type Label = string | number

/**
 * Everything Holdfast knows of one built-in class whose instances are values: how they are told apart, weighed,
 * walked, made read-only, written and revived. A new class is one more of these in kinds.ts. Plain objects and
 * arrays are no kinds: the walks treat them inline, since nearly every value is made of them alone.
 */
export interface Kind<T extends object = object> {
  /** First element of its node in a table. Written to L2: never change one. */
  readonly tag: string
  /** Prototypes by which an instance is recognised: the class's own and, where there is one, the read-only twin. */
  readonly prototypes: readonly object[]
  /** Whether the value really is an instance; a prototype alone can be borrowed. */
  has(value: object): value is T
  /** What makes this instance impossible to keep exactly, or undefined. */
  flaw(value: T): string | undefined
  /** Estimated heap bytes without the members. */
  weightBytes(value: T): number
  /** False: nothing makes it read-only (bytes, URL), so each hit gets a copy of its own. */
  isSealable(value: T): boolean
  /** Makes read-only what Object.freeze does not reach; called once, before it. */
  seal?(value: T): void
  /** Whether `seal` has nothing left to do. Absent: always. */
  isSealed?(value: T): boolean
  eachMember?(value: T, visit: (member: unknown, label: Label) => void): void
  /** The piece of a path that leads to the member with this label. Absent: `.name` or `[index]`. */
  step?(value: T, label: Label): string
  /** What follows the tag in its node. */
  write(value: T, slot: (member: unknown) => Slot): readonly Slot[]
  /** Raw bytes that are kept beside the table: a view, not a copy. */
  bytes?(value: T): Uint8Array
  /** An instance without its members; throws on parts that `write` never makes. `take` copies its raw bytes out. */
  create(parts: readonly unknown[], take: (byteLength: unknown) => Uint8Array<ArrayBuffer>): T
  /** What `create` costs beyond a node's own, in insertions into a Map. Absent: nothing. */
  cost?(parts: readonly unknown[]): number
  /** Adds the members, once all instances of the table exist (so that cycles close). */
  fill?(created: T, parts: readonly unknown[], member: (slot: unknown) => unknown): void
}

/** Says so where an instance carries properties of its own beside the `count` that its class gives it. */
export function extraProperties(value: object, count: number): string | undefined {
  const keys = Reflect.ownKeys(value)
  return keys.length > count ? `it carries the extra property ${show(keys[count])}` : undefined
}
