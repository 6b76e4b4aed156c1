import { Cache } from 'holdfast'
import { unchecked } from './unchecked.ts'

/** What is passed where a method takes such a thing; a good one where nothing is said. */
export interface Given {
  readonly key?: unknown
  readonly tag?: unknown
  readonly options?: unknown
  readonly loader?: unknown
}

/** Every method of a cache that works on it, each as a call. */
export function everyMethod(cache: Cache, given: Given = {}): Readonly<Record<string, () => unknown>> {
  const key: string = 'key' in given ? unchecked(given.key) : 'k'
  const tag: string = 'tag' in given ? unchecked(given.tag) : 't'
  const options: object | undefined = 'options' in given ? unchecked(given.options) : undefined
  const loader: () => 1 = 'loader' in given ? unchecked(given.loader) : () => 1
  const manyLoader: () => 1[] = 'loader' in given ? unchecked(given.loader) : () => [1]
  return {
    get: () => cache.get(key, options),
    getMany: () => cache.getMany([key], options),
    getEntry: () => cache.getEntry(key, options),
    has: () => cache.has(key, options),
    ttl: () => cache.ttl(key),
    set: () => cache.set(key, 1, options),
    setMany: () => cache.setMany([[key, 1]], options),
    getOrSet: () => cache.getOrSet(key, loader, options),
    getOrSetMany: () => cache.getOrSetMany([key], manyLoader, options),
    refresh: () => cache.refresh(key, loader, options),
    reserve: () => cache.reserve(key, options),
    wrap: () =>
      cache.wrap(
        loader,
        withKey(options, () => key),
      )(),
    delete: () => cache.delete(key, options),
    deleteMany: () => cache.deleteMany([key], options),
    expire: () => cache.expire(key, options),
    invalidateTag: () => cache.invalidateTag(tag, options),
    invalidateTags: () => cache.invalidateTags([tag], options),
    expireTag: () => cache.expireTag(tag, options),
    clear: () => cache.clear(options),
    write: () => cache.write({ keys: [key], tags: [tag] }, loader, options),
    namespace: () => cache.namespace('inner'),
    barrier: () => cache.barrier(),
    explain: () => cache.explain(key),
    inspect: () => cache.inspect(),
  }
}

/** The options of wrap: what is said by names, and the key; what is no such thing as it is. */
function withKey(options: object | undefined, key: () => string): { readonly key: () => string } {
  if (options !== undefined && !Object.prototype.toString.call(options).endsWith(' Object]'))
    return unchecked(options)
  const own = Object.getOwnPropertyDescriptors(options ?? {})
  return unchecked(Object.defineProperties({}, { ...own, key: { value: key, enumerable: true } }))
}

/** What a closed cache still answers. */
const ALWAYS: readonly string[] = ['constructor', 'name', 'stats', 'close']

/** The methods that everyMethod must have: a new one is not forgotten by the tests that go through all. */
export function methodNames(): readonly string[] {
  return Object.getOwnPropertyNames(Cache.prototype).filter((name) => !ALWAYS.includes(name))
}

/** Methods of everyMethod that take no options. */
export const WITHOUT_OPTIONS: readonly string[] = ['ttl', 'namespace', 'barrier', 'explain', 'inspect']
/** Those whose options say how an entry is read, loaded or stored. */
export const OF_ENTRIES: readonly string[] = [
  ...['get', 'getMany', 'getEntry', 'has', 'set', 'setMany'],
  ...['getOrSet', 'getOrSetMany', 'refresh', 'reserve', 'wrap'],
]
