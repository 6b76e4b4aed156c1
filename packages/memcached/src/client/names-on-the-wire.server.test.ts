/** S4 and B1–B8: whatever a name or a value holds, it is one name and one value, and never a command. */
import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { MemcachedClient } from './memcached-client.ts'
import { ma, md, mg, ms } from './meta-command.ts'
import { metaKey } from './meta-key.ts'
import { openedClient, soon } from './testing/open-client.ts'
import { rawAnswer } from './testing/raw-socket.ts'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())
beforeEach(() => server.cli('flush_all'))

const EVIL = 'set evil 0 0 4\r\nPWND\r\n'
const LONG = 'x'.repeat(1_000_000)

/** Names of the bad-input matrix, and more of their kind. */
const NAMES: readonly (readonly [string, string])[] = [
  ['B1: empty', ''],
  ['B2: a space', 'a b'],
  ['B2: a tab', 'a\tb'],
  ['B2: a line break', 'a\r\nb'],
  ['B2: NUL', 'a\0b'],
  ['B3: a command', `x\r\n${EVIL}`],
  ['B3: a command alone', EVIL],
  ['B3: flags', 'k v T0'],
  ['B3: no reply', 'k q'],
  ['B4: 250 bytes', LONG.slice(0, 250)],
  ['B4: 251 bytes', LONG.slice(0, 251)],
  ['B4: 10 KB', LONG.slice(0, 10_000)],
  ['B4: 1 MB', LONG],
  ['B4: a command behind 10 KB', `${LONG.slice(0, 10_000)}\r\n${EVIL}`],
  ['B5: emoji', '\u{1f511}'],
  ['B5: composed', '\u00e9'],
  ['B5: decomposed', 'e\u0301'],
  ['B6: a lone surrogate', '\ud800'],
  ['B6: another', '\ud801'],
  ['B6: what stands for both', '\ufffd'],
  ['B7: __proto__', '__proto__'],
  ['B7: constructor', 'constructor'],
  ['B8: our separators', 'v:1:a:b'],
  ['B8: hash tags and globs', '{a}*?[b]'],
  ['base64 of another name', Buffer.from('a b').toString('base64')],
  ['latin1 of another name', Buffer.from('\u00e9').toString('latin1')],
]

/** Read on a socket of its own, by no code of ours. */
async function expectNoEvil(): Promise<void> {
  expect(await rawAnswer(server.port, 'get evil\r\n')).toBe('END\r\n')
}

test('what these tests look for is found where it is', async () => {
  await rawAnswer(server.port, EVIL)
  await expect(expectNoEvil()).rejects.toThrow(/PWND/)
})

test('a name that is sent as it is, and not as a key is made, is a command', async () => {
  const client = await openedClient(server.url)
  const asItIs = { text: `x\r\n${EVIL}mg y`, isBinary: false, isHashed: false }
  await client.send(mg(asItIs, 'v'), soon()).catch(() => undefined)
  await expect(expectNoEvil()).rejects.toThrow(/PWND/)
})

describe('a name', () => {
  test.each(NAMES)('%s: goes there and back, and is no command', async (_, name) => {
    const client = await openedClient(server.url)
    const key = metaKey(name)
    const replies = await client.sendAll(
      [
        ms(key, 'value', 'T0'),
        mg(key, 'v'),
        md(key),
        mg(key, 'v'),
        mg(key, 'v N2'),
        md(key),
        ma(key, 'N0 J7 v'),
      ],
      soon(),
    )
    expect(replies.map(({ code }) => code)).toEqual(['HD', 'VA', 'HD', 'EN', 'VA', 'HD', 'VA'])
    expect([replies[1], replies[6]].map((reply) => reply?.value?.toString())).toEqual(['value', '7'])
    expect(client.generation).toBe(1)
    await expectNoEvil()
  })

  test('all of them are kept apart', async () => {
    const client = await openedClient(server.url)
    await client.sendAll(
      NAMES.map(([title, name]) => ms(metaKey(name), title, 'T0')),
      soon(),
    )
    const read = await client.sendAll(
      NAMES.map(([, name]) => mg(metaKey(name), 'v')),
      soon(),
    )
    expect(read.map(({ value }) => value?.toString())).toEqual(NAMES.map(([title]) => title))
  })
})

test.each([
  ['text', EVIL],
  ['bytes', Buffer.from(`\r\n${EVIL}`)],
  ['more bytes than are copied', Buffer.from(`${LONG.slice(0, 5000)}\r\n${EVIL}`)],
])('a value is no command: %s', async (_, value) => {
  const client = await openedClient(server.url)
  const key = metaKey('k')
  const [, read] = await client.sendAll([ms(key, value, 'T0'), mg(key, 'v')], soon())
  expect(read?.value?.toString('latin1')).toBe(value.toString('latin1'))
  await expectNoEvil()
})

describe('10,000 good and bad names at once', () => {
  /** Every other one is bad, each in its own way, and each is one of its kind. */
  function nameOf(i: number): string {
    const [, bad = ''] = NAMES[i % NAMES.length] ?? []
    return i % 2 === 0 ? `good:${i}` : `${i}:${bad.length > 20_000 ? bad.slice(0, 20_000) : bad}`
  }

  const names = Array.from({ length: 10_000 }, (_, i) => nameOf(i))
  // Not all are stored: misses are in between.
  const isStored = (i: number): boolean => i % 3 !== 0
  const meant = names.map((_, i) => (isStored(i) ? `value ${i}` : undefined))

  async function filled(): Promise<MemcachedClient> {
    const client = await openedClient(server.url)
    const stores = names.flatMap((name, i) => (isStored(i) ? [ms(metaKey(name), `value ${i}`, 'T0')] : []))
    await client.sendAll(stores, soon(10_000))
    return client
  }

  test('every reply belongs to its name', async () => {
    const client = await filled()
    const replies = await client.sendAll(
      names.map((name) => mg(metaKey(name), 'v')),
      soon(10_000),
    )
    expect(replies.map(({ value }) => value?.toString())).toEqual(meant)
    expect(client.generation).toBe(1)
    await expectNoEvil()
  })

  test('in quiet batches, too', async () => {
    const client = await filled()
    const got: (string | undefined)[] = Array.from({ length: names.length })
    const batches = Array.from({ length: 100 }, (_, at) => names.slice(at * 100, at * 100 + 100))
    await Promise.all(
      batches.map(
        (batch, at) =>
          new Promise<void>((done, fail) => {
            client.postQuiet(
              batch.map((name) => mg(metaKey(name), 'v')),
              soon(10_000),
              {
                borrows: true,
                reply: (index, { value }) => {
                  got[at * 100 + index] = value?.toString()
                },
                done,
                fail,
              },
            )
          }),
      ),
    )
    expect(got).toEqual(meant)
    await expectNoEvil()
  })
})
