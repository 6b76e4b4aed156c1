export { leastAcl } from './least-acl.ts'
export { type RedisOptions, redis } from './redis.ts'
