import { handOut, type Sealed, type SealOptions, seal } from '../codec/seal.ts'
import { sealTree } from '../codec/seal-tree.ts'
import { CacheError, type StoredEntry } from '../contracts.ts'
import type { StandardSchema } from '../options.ts'
import type { Policy } from '../policy.ts'
import { type CachedValue, entryWeight } from '../runtime/cached-value.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { validateBy } from './validate-by.ts'

/** A value as tiers keep it: sealed, and weighed as an entry. */
export type ValueParts = Sealed

/** What a caller gets of a cached value: the shared object, or a copy where that is not safe. */
export function answerOf(rt: Runtime, entry: CachedValue): unknown {
  return entry.cloneOnHit ? handOut(entry, rt.shared.types) : entry.value
}

/**
 * The value of a stored entry: decoded, validated (until the moment `by`) and sealed, or the very object that L1 holds
 * if it is the same one (by id) and nothing has to be validated. undefined: it cannot be used, which is a miss.
 */
export function decodeStored(
  rt: Runtime,
  key: string,
  stored: StoredEntry,
  policy: Policy,
  by: number,
): ValueParts | undefined | Promise<ValueParts | undefined> {
  if (policy.validate !== undefined) return decodeValidated(rt, key, stored, policy.validate, by)
  const held = rt.shared.memory?.peek(rt.prefix + key)
  if (held?.id === stored.id) {
    return { value: held.value, form: held.form, cloneOnHit: held.cloneOnHit, weightBytes: held.weightBytes }
  }
  const { codec, isolation } = rt.shared
  try {
    const tree = isolation === 'clone' ? undefined : codec.decodeTree(stored.codec, stored.payload)
    if (tree !== undefined && isolation !== 'clone')
      return asEntry(sealTree(tree, isolation), key, stored.tags.length)
    return sealParts(rt, key, codec.decode(stored.codec, stored.payload), stored.tags.length, 'decoded')
  } catch (error) {
    rt.recorder.trouble('decode_failed', key, error)
    return undefined
  }
}

async function decodeValidated(
  rt: Runtime,
  key: string,
  stored: StoredEntry,
  schema: StandardSchema,
  by: number,
): Promise<ValueParts | undefined> {
  try {
    const decoded = rt.shared.codec.decode(stored.codec, stored.payload)
    const value = await validateBy(rt, key, schema, decoded, by)
    // What a schema made of it is not ours: it may hold anything.
    return sealParts(rt, key, value, stored.tags.length, 'loaded')
  } catch (error) {
    rt.recorder.trouble('decode_failed', key, error)
    return undefined
  }
}

/** Seals a value and weighs it as an entry. Throws `unsupported_value` naming the key and the path. */
export function sealParts(
  rt: Runtime,
  key: string,
  value: unknown,
  tagCount: number,
  origin: 'loaded' | 'given' | 'decoded',
): ValueParts {
  const sealed = sealFor(key, value, { isolation: rt.shared.isolation, origin, types: rt.shared.types })
  return asEntry(sealed, key, tagCount)
}

function asEntry(sealed: Sealed, key: string, tagCount: number): ValueParts {
  const { value, form, cloneOnHit, weightBytes } = sealed
  return { value, form, cloneOnHit, weightBytes: entryWeight(key, weightBytes, tagCount) }
}

/** The error of one value says whose it is: in a bulk load it is one of thousands. */
function sealFor(key: string, value: unknown, options: SealOptions): Sealed {
  try {
    return seal(value, options)
  } catch (error) {
    if (!(error instanceof CacheError)) throw error
    throw new CacheError(error.code, error.message, { key, cause: error.cause })
  }
}
