import { heedRejection } from '../call-hook.ts'
import type { Codec, Encoded } from '../codec/codec.ts'
import { CacheError, ENTRY_FLAG_NEGATIVE, type NewEntry, show } from '../contracts.ts'
import { invalidationsOf } from '../invalidation/tag-cells.ts'
import { checkTags, type Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { l1Until } from './accept-stored.ts'
import { leastBytes } from './least-bytes.ts'
import { tellNotStored } from './tell-not-stored.ts'
import type { ValueParts } from './value.ts'

/** How long an entry is fresh, and how long it is kept at all. */
export interface Life {
  readonly ttlMs: number
  readonly keepMs: number
}

// A tag's token outlives the entries that carry it; whoever mints or uses it near its end extends it.
const LIVES_PER_TAG = 4

/** The life of an entry before jitter. A null may have one of its own. */
function lifeOf(policy: Policy, value?: unknown): Life {
  const { negativeTtlMs, ttlMs } = policy
  if (value === null && negativeTtlMs > 0) return { ttlMs: negativeTtlMs, keepMs: negativeTtlMs }
  return { ttlMs, keepMs: ttlMs + Math.max(policy.swrMs, policy.staleIfErrorMs) }
}

/** The life of one entry: jitter only shortens. */
export function jitteredLife(rt: Runtime, policy: Policy, value: unknown): Life {
  const life = lifeOf(policy, value)
  const cutMs = life.ttlMs * policy.jitter * rt.clock.random()
  return { ttlMs: life.ttlMs - cutMs, keepMs: life.keepMs - cutMs }
}

/** The life of a tag's token that is minted for an entry of this policy. */
export function tagLifeMs(policy: Policy): number {
  return lifeOf(policy).keepMs * LIVES_PER_TAG
}

/** The tags of a value: given ones, and those derived from it. Throws `invalid_argument` for bad ones. */
export function tagsOf(policy: Policy, value: unknown): readonly string[] {
  const derive: ((value: never) => readonly string[]) | undefined = policy.deriveTags
  if (derive === undefined) return policy.tags
  const derived: unknown = Reflect.apply(derive, undefined, [value])
  heedRejection(derived)
  return checkTags([...policy.tags, ...checkTags(derived)])
}

/** ENTRY_FLAG_* bits of a value that is stored now. */
export function flagsOf(policy: Policy, value: unknown): number {
  return value === null && policy.negativeTtlMs > 0 ? ENTRY_FLAG_NEGATIVE : 0
}

/** The bytes of a value. Throws `value_too_large`, or `unsupported_value` where the user's codec fails. */
export function encode(rt: Runtime, key: string, parts: ValueParts): Encoded {
  const { codec, maxValueBytes } = rt.shared
  const tooLarge = (bytes: string): CacheError => {
    const message = `the value of ${show(key)} has ${bytes} bytes in L2; maxValueBytes is ${maxValueBytes}`
    return new CacheError('value_too_large', message, { key })
  }
  // A codec of the user's may shrink it to anything.
  if (!codec.isWrapped && leastBytes(parts) > maxValueBytes)
    throw tooLarge(`at least ${Math.ceil(leastBytes(parts))}`)
  const encoded = encodeWith(codec, key, parts)
  const { byteLength } = encoded.payload
  if (byteLength > maxValueBytes) throw tooLarge(String(byteLength))
  return encoded
}

/** The bytes of a loaded value; undefined where it has none: that is told of, and the value answered all the same. */
export function encodeLoaded(rt: Runtime, key: string, parts: ValueParts): Encoded | undefined {
  try {
    return encode(rt, key, parts)
  } catch (error) {
    tellNotStored(rt, key, error)
    return undefined
  }
}

function encodeWith(codec: Codec, key: string, { value, form }: ValueParts): Encoded {
  try {
    return codec.encode(value, form)
  } catch (cause) {
    if (cause instanceof CacheError) throw cause
    throw new CacheError('unsupported_value', `the codec failed on the value of ${show(key)}`, { key, cause })
  }
}

/** An entry as L1 keeps it beside the same one in L2, to which it is or was sent at `askedAt`: its life counts from there. */
export function sharedEntry(
  rt: Runtime,
  key: string,
  policy: Policy,
  entry: NewEntry,
  parts: ValueParts,
  generation: number,
  askedAt: number,
): CachedValue {
  const names = entry.tags.map((tag) => tag.name)
  const cells = rt.cellsOf(key).of(names)
  return {
    key: rt.prefix + key,
    ...parts,
    negative: (entry.flags & ENTRY_FLAG_NEGATIVE) !== 0,
    id: entry.id,
    seen: entry.id,
    createdAt: askedAt,
    askedAt,
    loadMs: entry.loadMs,
    staleAt: askedAt + entry.ttlMs,
    l1Until: l1Until(rt, policy, askedAt),
    forgetAt: askedAt + entry.keepMs,
    cells,
    tokens: [entry.namespaceToken, ...entry.tags.map((tag) => tag.token)],
    local: false,
    generation,
    invalidations: invalidationsOf(cells),
    unchecked: false,
  }
}
