/** S9 and S11: the least rights are enough, none of them is unused, and they are the documented ones. */
import { readFile } from 'node:fs/promises'
import { type RedisServer, startRedis, storeConformance, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { leastAcl } from '../least-acl.ts'
import { type RedisOptions, redis } from '../redis.ts'
import { redisHarness } from '../testing/redis-harness.ts'
import { inUse } from '../testing/tiers.ts'
import { useAll } from '../testing/use-all.ts'

const NAMES = ['shop', 'sh*p[?]/\\^', 'sh']
// As lines of the configuration: users that were made by command would be gone after a restart.
const users = [leastAcl(), ...NAMES.map((name) => leastAcl(name))].flatMap((rules, i) => [
  ...['--user', `user${i}`, 'on', '>secret'],
  ...rules,
])
const urlOf = (user: number, db = 0): string => `${server.url.replace('://', `://user${user}:secret@`)}/${db}`

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ args: ['--enable-debug-command', 'yes', ...users] })
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
  await server.cli('ACL', 'LOG', 'RESET')
})

const denials = async (): Promise<string> => JSON.stringify(await server.cli('ACL', 'LOG'))

async function open(user: number, name: string, db: number, options?: RedisOptions): Promise<Cache> {
  const cache = createCache({ name, l2: redis(urlOf(user, db), options), l2Timeout: '10s' })
  await inUse(cache, 'L1 and Redis')
  return cache
}

describe('the least rights (S9, S11)', () => {
  test('are enough for the whole conformance suite', async () => {
    const harness = redisHarness(
      () => server,
      () => redis(urlOf(0)),
    )
    for (const { name, run } of storeConformance(harness)) {
      await run().catch((cause: unknown) => {
        throw new Error(`under the least rights: ${name}`, { cause })
      })
    }
    expect(await denials()).toBe('[]')
  })

  test('are enough for a cache, all it can do, and hold nothing that it does not use', async () => {
    await server.cli('CONFIG', 'RESETSTAT')
    // A server that forgot its scripts is sent their text.
    await server.cli('SCRIPT', 'FLUSH')
    await using cache = await open(0, 'any', 1, { failover: 'replay' })
    await useAll(cache)
    await server.cli('SCRIPT', 'FLUSH')
    await useAll(cache)
    // Without L1, only what is asked for is tracked.
    await using bare = createCache({ name: 'bare', l1: false, l2: redis(urlOf(0, 1)), l2Timeout: '10s' })
    await inUse(bare, 'Redis alone')
    await useAll(bare)
    expect(await denials()).toBe('[]')
    const used = Object.keys(await server.info('commandstats')).map((field) => field.replace('cmdstat_', ''))
    const ours = new Set(['hello', 'acl|log', 'config|resetstat', 'script|flush'])
    const allowed = leastAcl().filter((rule) => rule.startsWith('+'))
    expect(
      used
        .filter((name) => !ours.has(name))
        .map((name) => `+${name}`)
        .sort(),
    ).toEqual([...allowed].sort())
  })

  test('without the one to ask for pushes nothing is held that would not be pushed: L2 is not used, and it is said', async () => {
    await server.cli('ACL', 'SETUSER', 'user0', '-client|caching')
    const lines: string[] = []
    const logger = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
    try {
      await using refused = createCache({ name: 'shop', l1: false, l2: redis(urlOf(0)), logger })
      await until('it is said', () => lines.some((line) => line.includes('NOPERM')))
      expect(refused.stats().l2.online).toBe(false)
    } finally {
      await server.cli('ACL', 'SETUSER', 'user0', '+client|caching')
    }
  })

  test('taken away in mid-life, the right to ask for pushes takes its replies with it', async () => {
    await using cache = createCache({ name: 'shop', l1: false, l2: redis(urlOf(0)), l2Timeout: '10s' })
    await using other = createCache({ name: 'shop', l1: false, l2: redis(server.url) })
    await inUse(cache, 'Redis alone')
    await inUse(other, 'Redis alone')
    await server.cli('ACL', 'SETUSER', 'user0', '-client|caching')
    try {
      expect(await cache.getOrSet('k', () => 'old')).toBe('old')
      await other.clear()
      expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    } finally {
      await server.cli('ACL', 'SETUSER', 'user0', '+client|caching')
    }
  })

  test.each(NAMES.map((name, i) => [name, i + 1] as const))(
    'of the cache %j are enough for it and for its namespaces',
    async (name, user) => {
      await using cache = await open(user, name, 0, { failover: 'replay' })
      await useAll(cache)
      const inner = cache.namespace('a/b').namespace('*')
      await inUse(inner, 'L1 and Redis')
      await useAll(inner)
      expect(await denials()).toBe('[]')
    },
  )

  test('of a cache reach no other, however it is called, and nothing else', async () => {
    const of = (user: number, ...args: string[]): Promise<unknown> =>
      server.cli('ACL', 'DRYRUN', `user${user}`, ...args)
    expect(await of(1, 'GET', 'v:{4:shopkey}')).toBe('OK')
    expect(await of(1, 'GET', 'v:{8:shop/abckey}')).toBe('OK')
    for (const name of [
      'v:{5:shop2key}',
      'v:{10:other/shopkey}',
      'v:{9:shop2/abckey}',
      'v:{14:other{4:shop/akey}',
      'v:{2:shkey}',
      'z:{4:shopkey}',
      'session:1',
    ]) {
      expect(await of(1, 'GET', name), name).toMatch(/no permissions to access the 'v|z|session/)
    }
    for (const user of [0, 1]) {
      expect(await of(user, 'GET', 'session:1')).toMatch(/no permissions/)
      for (const command of [
        'FLUSHALL',
        'KEYS *',
        'CONFIG GET *',
        'ACL LIST',
        'DEBUG SLEEP 1',
        'CLIENT LIST',
      ])
        expect(await of(user, ...command.split(' ')), command).toMatch(/no permissions/)
      expect(await of(user, 'PUBLISH', 'c', 'm')).toMatch(/no permissions/)
    }
  })

  test.each(['docs/wire/redis.md', 'docs/operate/redis.md'])('are those that %s prints', async (file) => {
    const text = await readFile(new URL(`../../../../${file}`, import.meta.url), 'utf8')
    // The lines of a document are broken where they are long.
    expect(text.replace(/\s+/g, ' ')).toContain(leastAcl().join(' '))
    if (file.includes('operate')) expect(text.replace(/\s+/g, ' ')).toContain(leastAcl('shop').join(' '))
  })
})
