import { invalidArgument } from './errors.ts'
import type { InvalidateOptions } from './flow/invalidate.ts'
import { type CacheKey, encodeKey } from './keys.ts'
import { checkNames } from './policy.ts'

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

/** The options of an invalidation, checked. */
export function checkRequire(options: InvalidateOptions | undefined): InvalidateOptions | undefined {
  if (options === undefined) return undefined
  checkNames('options', options, ['require'])
  if (options.require !== undefined && options.require !== 'applied') {
    throw invalidArgument('require', "'applied', or nothing", options.require)
  }
  return options
}
