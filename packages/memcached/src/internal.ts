/** For Holdfast's own checks, without any promise of stability: the store made with one of its rules off. */
export { type MemcachedParts, memcachedWith } from './memcached-with.ts'
