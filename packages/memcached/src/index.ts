export type { TlsSettings } from '@holdfast/wire'
export { memcached } from './memcached.ts'
export type { MemcachedOptions } from './memcached-options.ts'
