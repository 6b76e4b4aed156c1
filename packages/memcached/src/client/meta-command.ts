import type { MetaKey } from './meta-key.ts'

/** A command of the meta protocol. The client adds opaque, `b` and, in a batch, `q` by itself. */
export type MetaCommand = MetaGet | MetaSet | MetaDelete | MetaArithmetic

/**
 * Flags as they go over the wire, with one space between: `v c f N2`. Made of constants and of numbers alone: whatever
 * comes from users is a key or a value. TTLs (T, N, R) are made by `expirySeconds`.
 */
export type MetaFlags = string

export interface MetaGet {
  readonly verb: 'mg'
  readonly key: MetaKey
  readonly flags: MetaFlags
}

export interface MetaSet {
  readonly verb: 'ms'
  readonly key: MetaKey
  readonly flags: MetaFlags
  /** Not copied where it is long: it must not change before the command is settled. A string is binary text. */
  readonly value: Uint8Array | string
}

export interface MetaDelete {
  readonly verb: 'md'
  readonly key: MetaKey
  readonly flags: MetaFlags
}

export interface MetaArithmetic {
  readonly verb: 'ma'
  readonly key: MetaKey
  readonly flags: MetaFlags
}

export function mg(key: MetaKey, flags: MetaFlags): MetaGet {
  return { verb: 'mg', key, flags }
}

export function ms(key: MetaKey, value: Uint8Array | string, flags: MetaFlags): MetaSet {
  return { verb: 'ms', key, flags, value }
}

export function md(key: MetaKey, flags: MetaFlags = ''): MetaDelete {
  return { verb: 'md', key, flags }
}

export function ma(key: MetaKey, flags: MetaFlags): MetaArithmetic {
  return { verb: 'ma', key, flags }
}
