/** Plaintext to another machine (S11). */
import { createCache } from 'holdfast'
import { expect, test } from 'vitest'
import { redisBus } from './bus/redis-bus.ts'
import { redis } from './redis.ts'

// TEST-NET-1 of RFC 5737: nobody answers there.
const URL = 'redis://:hunter2@192.0.2.1'

test('one line a server is logged, whatever becomes of the connection, and none where it is meant', async () => {
  const lines: string[] = []
  const tell = (line: string) => void lines.push(line)
  const logger = { info: tell, warn: tell }
  for (const options of [{}, { tls: false }] as const) {
    const l1 = { mode: 'bus', bus: redisBus(URL, options) } as const
    await using cache = createCache({ name: 'open', logger, l1, l2: redis(URL, options) })
    await Promise.resolve()
    expect(cache.stats().l2.online).toBe(false)
  }
  const what =
    'THE PASSWORD and all values travel unencrypted to another machine; use rediss://, or say that it is'
  expect(lines.filter((line) => line.includes('unencrypted'))).toEqual([
    `cache "open": L2 redis://192.0.2.1:6379/0: ${what} meant: redis(url, { tls: false })`,
    `cache "open": bus redis://192.0.2.1:6379/0: ${what} meant: redisBus(url, { tls: false })`,
  ])
})
