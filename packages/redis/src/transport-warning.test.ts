import { createCache } from 'holdfast'
import { describe, expect, test } from 'vitest'
import { redis } from './redis.ts'
import { transportWarning } from './transport-warning.ts'
import { parseRedisUrl } from './url.ts'

const warning = (url: string): string | undefined => transportWarning(parseRedisUrl(url), 'not said')

describe('plaintext to another machine (S11)', () => {
  test.each(['redis://cache.example', 'redis://10.0.0.7:6380/1', 'redis://[fd00::1]', 'redis://redis'])(
    '%s is warned of',
    (url) => {
      expect(warning(url)).toMatch(/^values travel unencrypted .*rediss:\/\//)
      expect(transportWarning(parseRedisUrl(url), 'meant')).toBe(undefined)
    },
  )

  test('with a password it is said louder, and without it', () => {
    expect(warning('redis://app:hunter2@cache.example')).toMatch(/^THE PASSWORD and all values travel/)
    expect(warning('redis://app:hunter2@cache.example')).not.toMatch(/hunter2|app/)
  })

  test.each([
    'redis://127.0.0.1',
    'redis://localhost:7000',
    'redis://:pw@[::1]',
    'rediss://cache.example',
    'redis+unix:///run/redis.sock',
  ])('%s is not', (url) => {
    expect(warning(url)).toBe(undefined)
  })

  test('one line a cache is logged, whatever becomes of the connection', async () => {
    const lines: string[] = []
    const logger = {
      info: (line: string) => void lines.push(line),
      warn: (line: string) => void lines.push(line),
    }
    // TEST-NET-1 of RFC 5737: nobody answers there.
    const url = 'redis://:hunter2@192.0.2.1'
    await using open = createCache({ name: 'open', logger, l2: redis(url) })
    await using meant = createCache({ name: 'meant', logger, l2: redis(url, { tls: false }) })
    await Promise.resolve()
    expect([open, meant].map((cache) => cache.stats().l2.online)).toEqual([false, false])
    expect(lines.filter((line) => line.includes('unencrypted'))).toEqual([
      expect.stringMatching(/^cache "open": L2 redis:\/\/192\.0\.2\.1:6379\/0: THE PASSWORD and all values/),
    ])
  })
})
