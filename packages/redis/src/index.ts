export type { TlsSettings } from '@holdfast/wire'
export { leastAcl } from './least-acl.ts'
export { type RedisOptions, redis } from './redis.ts'
