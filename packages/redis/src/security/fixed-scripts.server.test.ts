/** S9: what a server runs for us is one of a few fixed texts, whatever the data. */
import { readdir, readFile } from 'node:fs/promises'
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { createCache } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redis } from '../redis.ts'
import { EVERY_SCRIPT } from '../scripts.ts'
import { INJECTION } from '../testing/odd-names.ts'
import { inUse } from '../testing/tiers.ts'
import { useAll } from '../testing/use-all.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

// Ends every kind of Lua string and comment that there is, and goes on as code.
const LUA = `]]"'\n--]==] redis.call('SET','evil','1') --`

describe('scripts (S9)', () => {
  test('hostile names and values are never part of one: the server has seen no text but ours', async () => {
    await server.cli('SET', 'sentinel', 'alive')
    await server.cli('SCRIPT', 'FLUSH')
    for (const hostile of [LUA, INJECTION]) {
      await using cache = createCache({ name: hostile, l2: redis(server.url), l2Timeout: '10s' })
      await inUse(cache, 'L1 and Redis')
      await useAll(cache, hostile)
      // Forgotten, they are sent as texts by the next call.
      await server.cli('SCRIPT', 'FLUSH')
      await useAll(cache.namespace(hostile), hostile)
      await cache.set(hostile, { [hostile]: hostile }, { tags: [hostile] })
      expect(await cache.get(hostile)).toEqual({ [hostile]: hostile })
    }
    const known = await server.cli('SCRIPT', 'EXISTS', ...EVERY_SCRIPT.map(({ sha }) => sha))
    expect(known).toEqual(EVERY_SCRIPT.map(() => 1))
    expect((await server.info('memory')).number_of_cached_scripts).toBe(String(EVERY_SCRIPT.length))
    expect(await server.cli('GET', 'sentinel')).toBe('alive')
    expect(await server.cli('EXISTS', 'evil')).toBe(0)
  })

  test('a script that no code of ours sends would be noticed', async () => {
    await server.cli('EVAL', 'return 1', 0)
    expect((await server.info('memory')).number_of_cached_scripts).toBe(String(EVERY_SCRIPT.length + 1))
  })

  test('only two files name the commands that run scripts, and only scripts.ts makes their texts', async () => {
    const folder = new URL('../', import.meta.url)
    const names = (await readdir(folder, { recursive: true })).filter((name) => /(?<!\.test)\.ts$/.test(name))
    const texts = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')))
    const naming = (pattern: RegExp): string[] =>
      names.filter((name, i) => !name.startsWith('testing/') && pattern.test(texts[i] ?? '')).sort()
    expect(naming(/['"`](EVAL|EVALSHA|EVAL_RO|FCALL|FUNCTION|SCRIPT)\b/)).toEqual([
      'commands.ts',
      'redis-store.ts',
    ])
    expect(naming(/\bsource:|\bsha:/)).toEqual(['commands.ts', 'scripts.ts'])
  })

  test('the texts are put together from fixed pieces and nothing else', async () => {
    const text = await readFile(new URL('../scripts.ts', import.meta.url), 'utf8')
    const pieces = Array.from(text.matchAll(/\$\{(.*?)\}/g), ([, inner = '']) => inner)
    expect(pieces.length).toBeGreaterThan(0)
    for (const piece of pieces) {
      expect(piece).toMatch(/^[A-Z_]+$/)
      expect(text, piece).toMatch(new RegExp(`^const ${piece} = \`[^$\`]*\`$`, 'm'))
    }
  })
})
