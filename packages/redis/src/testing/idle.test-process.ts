import { pause } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { RedisClient } from '../client.ts'
import { parseRedisUrl } from '../url.ts'
import { tell } from './tell.ts'

/** Keeps the connections of some caches, and does nothing else: `idle.test-process.ts <url> <connections>`. */
const [, , url = '', connections = ''] = process.argv
const LIFE_MS = 600_000

const clients = Array.from({ length: Number(connections) }, () => {
  const address = parseRedisUrl(url)
  return new RedisClient({ address, clock: systemClock, tracking: 'all', heartbeatMs: 333 })
})
while (clients.some((client) => !client.ready)) await pause(5)
tell({ ready: true })
// A client keeps no process alive while its server is away: this one stays until it is ended.
await pause(LIFE_MS)
