import type { Names } from './contracts.ts'
import { invalidArgument } from './errors.ts'
import { SLICE_MAX } from './flow/in-slices.ts'
import type { InvalidateOptions } from './flow/invalidate.ts'
import { type CacheKey, encodeKey } from './keys.ts'
import { checkNames, checkTags } from './policy.ts'

/** The pairs that `setMany` was given, with their keys encoded. */
export function encodePairs<T>(entries: Iterable<readonly [CacheKey, T]>): [string, T][] {
  // Text and bytes can be iterated too, but never over pairs.
  if (typeof entries !== 'object' || typeof entries?.[Symbol.iterator] !== 'function') {
    throw invalidArgument('entries', 'pairs of key and value: an array of them, or a Map', entries)
  }
  return Array.from(entries, (pair: unknown, i): [string, T] => {
    if (!isPair<T>(pair)) throw invalidArgument(`entries[${i}]`, 'a pair: [key, value]', pair)
    return [encodeKey(pair[0]), pair[1]]
  })
}

function isPair<T>(pair: unknown): pair is [CacheKey, T] {
  return Array.isArray(pair) && pair.length === 2
}

/** The keys that a method for several was given, beside their encoded form. */
export function encodeMany<K extends CacheKey>(keys: readonly K[]): { given: K; encoded: string }[] {
  if (!Array.isArray(keys)) throw invalidArgument('keys', 'an array of keys', keys)
  return keys.map((given) => ({ given, encoded: encodeKey(given) }))
}

/** What a `write` touches. */
export interface Touched {
  readonly keys?: readonly CacheKey[]
  readonly tags?: readonly string[]
}

/** What a `write` was told that it touches, with its keys encoded. */
export function encodeTouched(names: Touched): Names {
  checkNames('write', names, ['keys', 'tags'])
  if (names.keys === undefined && names.tags === undefined) {
    throw invalidArgument('write', '{ keys, tags }: what it touches', names)
  }
  const keys = encodeMany(names.keys === undefined ? [] : names.keys).map((key) => key.encoded)
  if (keys.length > SLICE_MAX) {
    throw invalidArgument('keys', `at most ${SLICE_MAX} of them: a tag stands for any number`, keys)
  }
  return { keys, tags: checkTags(names.tags === undefined ? [] : names.tags) }
}

/** The options of an invalidation, checked. */
export function checkRequire(options: InvalidateOptions | undefined): InvalidateOptions | undefined {
  if (options === undefined) return undefined
  checkNames('options', options, ['require'])
  if (options.require !== undefined && options.require !== 'applied') {
    throw invalidArgument('require', "'applied', or nothing", options.require)
  }
  return options
}
