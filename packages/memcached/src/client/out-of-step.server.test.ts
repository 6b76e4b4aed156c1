/** F54 and S4: a server, or somebody between, whose answers are not those to our commands. */
import type { Socket } from 'node:net'
import { Connection } from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'
import { describe, expect, test, vi } from 'vitest'
import type { MemcachedClient } from './memcached-client.ts'
import { type MetaCommand, md, mg, ms } from './meta-command.ts'
import { MetaFraming } from './meta-framing.ts'
import { metaKey } from './meta-key.ts'
import type { MetaReply } from './meta-reply.ts'
import { type Answering, startFakeMemcached } from './testing/fake-memcached.ts'
import { openClient, openedClient, soon, untilReady } from './testing/open-client.ts'

const value = (text: string, opaque: string): string => `VA ${text.length} O${opaque}\r\n${text}`
const keyOf = (line: string): string => line.split(' ')[1] ?? ''
/** Honest: each key's value is its own name. */
const honest: Answering = (line, opaque) => value(keyOf(line), opaque)

async function clientOf(answer: Answering): Promise<{ client: MemcachedClient; lost: string[] }> {
  const lost: string[] = []
  const port = await startFakeMemcached(answer)
  const events = { onLost: ({ message }: Error) => void lost.push(message) }
  return { client: await openedClient(`memcached://127.0.0.1:${port}`, { events }), lost }
}

/** What each caller gets: the value, or the code of its error. */
function outcomes(client: MemcachedClient, names: readonly string[]): Promise<string[]> {
  return Promise.all(
    names.map((name) =>
      client.send(mg(metaKey(name), 'v'), soon()).then(
        (reply) => reply.value?.toString() ?? reply.code,
        (error: unknown) => (error instanceof CacheError ? error.code : String(error)),
      ),
    ),
  )
}

function batchOutcome(client: MemcachedClient, commands: readonly MetaCommand[]): Promise<string> {
  const told: string[] = []
  return new Promise((resolve) => {
    client.postQuiet(commands, soon(), {
      reply: (index, reply) => void told.push(`${index}:${reply.value}`),
      done: () => resolve(`${told.join()} done`),
      fail: (error) => resolve(`${told.join()} ${error instanceof CacheError ? error.code : error}`),
    })
  })
}

describe('an answer to another command closes the socket, and reaches nobody (S4)', () => {
  const names = Array.from({ length: 20 }, (_, i) => `k${i}`)

  test.each<[string, (nth: number, line: string, opaque: string) => string | undefined]>([
    ['one is left out', (nth, line, opaque) => (nth === 5 ? undefined : value(keyOf(line), opaque))],
    [
      'one comes twice',
      (nth, line, opaque) =>
        nth === 5
          ? `${value(keyOf(line), opaque)}\r\n${value(keyOf(line), opaque)}`
          : value(keyOf(line), opaque),
    ],
    ['one has no number', (nth, line, opaque) => (nth === 5 ? 'VA 4\r\nevil' : value(keyOf(line), opaque))],
    [
      'one is a miss without a number',
      (nth, line, opaque) => (nth === 5 ? 'EN' : value(keyOf(line), opaque)),
    ],
    [
      'one is the answer to the command behind it',
      (nth, line, opaque) => value(keyOf(line), nth === 5 ? String(Number(opaque) + 1) : opaque),
    ],
    ['one is the end of a batch', (nth, line, opaque) => (nth === 5 ? 'MN' : value(keyOf(line), opaque))],
    ['one is of another age', (nth, line, opaque) => (nth === 5 ? 'STORED' : value(keyOf(line), opaque))],
    [
      'there is one too many',
      (nth, line, opaque) => `${value(keyOf(line), opaque)}${nth === 5 ? '\r\nHD O9' : ''}`,
    ],
  ])('%s', async (_, answer) => {
    let nth = 0
    const { client, lost } = await clientOf((line, opaque) => answer(nth++, line, opaque))
    const got = await outcomes(client, names)
    for (const [i, outcome] of got.entries()) expect([names[i], 'l2_unavailable']).toContain(outcome)
    // Up to where it happened everybody has his answer; from there on, and at the latest one behind it, nobody.
    expect(got.slice(0, 5)).toEqual(names.slice(0, 5))
    expect(new Set(got.slice(6))).toEqual(new Set(['l2_unavailable']))
    expect(lost).toEqual([expect.stringMatching(/in place of|not the Memcached protocol/)])
    await untilReady(client)
    expect(await outcomes(client, ['a', 'b'])).toEqual(['a', 'b'])
  })

  test('without the numbers, a left out answer gives everybody behind it what another asked for', async () => {
    let nth = 0
    const port = await startFakeMemcached((line, opaque) =>
      nth++ === 5 ? undefined : value(keyOf(line), opaque),
    )
    const ready = Promise.withResolvers<unknown>()
    await using connection = new Connection<MetaReply>({
      endpoint: { transport: 'tcp', host: '127.0.0.1', port },
      framing: () => new MetaFraming(),
      events: { onReady: ready.resolve },
    })
    await ready.promise
    const asked = names.slice(0, 8).map((name, i) => connection.send(`mg ${name} v O${i + 1}\r\n`, soon(200)))
    const got = await Promise.all(
      asked.map((answer) =>
        answer.then(
          (reply) => `${reply.value}`,
          () => 'none',
        ),
      ),
    )
    expect(got).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'k6', 'k7', 'none'])
  })

  test('a reply that nobody waits for', async () => {
    const open: Socket[] = []
    const { client, lost } = await clientOf((line, opaque, socket) => {
      open.push(socket)
      return honest(line, opaque, socket)
    })
    expect(await outcomes(client, ['a'])).toEqual(['a'])
    open[0]?.write('HD O1\r\n')
    await vi.waitUntil(() => lost.length > 0)
    expect(lost).toEqual([expect.stringContaining('a reply that no command waits for')])
  })

  test('to a command whose caller has given up, too', async () => {
    const { client, lost } = await clientOf((line, opaque, socket) => {
      if (keyOf(line) !== 'slow') return honest(line, opaque, socket)
      setTimeout(() => socket.write(`${value('evil', String(Number(opaque) + 1))}\r\n`), 60)
      return undefined
    })
    const slow = client.send(mg(metaKey('slow'), 'v'), soon(20)).catch((error: CacheError) => error.code)
    expect(await slow).toBe('l2_timeout')
    expect(await outcomes(client, ['next'])).toEqual(['l2_unavailable'])
    expect(lost).toEqual([expect.stringContaining('in place of')])
  })

  test.each([
    ['before those of the batch', (first: number) => `${value('evil', String(first - 1))}\r\nMN`],
    ['behind those of the batch', (first: number) => `${value('evil', String(first + 3))}\r\nMN`],
    [
      'in another order',
      (first: number) => `${value('two', String(first + 1))}\r\n${value('evil', String(first))}\r\nMN`,
    ],
    ['twice', (first: number) => `${value('one', String(first))}\r\n${value('evil', String(first))}\r\nMN`],
    ['without its end', (first: number) => `${value('one', String(first))}\r\nHD O${first + 40}`],
    ['with nothing but a value that has no number', () => 'VA 4\r\nevil\r\nMN'],
  ])('in a batch, %s', async (_, answer) => {
    const { client, lost } = await clientOf((line, opaque) => {
      if (line === 'mn') return undefined
      return keyOf(line) === 'b0' ? answer(Number(opaque)) : undefined
    })
    const outcome = await batchOutcome(
      client,
      ['b0', 'b1', 'b2'].map((name) => mg(metaKey(name), 'v')),
    )
    expect(outcome).toMatch(/^(|0:one|1:two) l2_unavailable$/)
    expect(lost).toHaveLength(1)
  })
})

describe('errors', () => {
  test('SERVER_ERROR rejects its own command, and everybody else has his answer', async () => {
    const { client, lost } = await clientOf((line, opaque, socket) => {
      if (line.startsWith('ms ')) return 'SERVER_ERROR out of memory storing object'
      if (line === 'x') return undefined
      return keyOf(line) === 'k3'
        ? 'SERVER_ERROR out of memory writing get response'
        : honest(line, opaque, socket)
    })
    const stored = client.send(ms(metaKey('k'), 'x', 'T0'), soon()).catch((error: unknown) => error)
    expect(await outcomes(client, ['k1', 'k2', 'k3', 'k4'])).toEqual(['k1', 'k2', 'l2_error', 'k4'])
    expect(await stored).toMatchObject({
      kind: 'SERVER_ERROR',
      refusesWrites: true,
      retryable: true,
      code: 'l2_error',
    })
    expect(lost).toEqual([])
  })

  test('in a batch it fails the batch, and what is behind the batch has its answer', async () => {
    const { client, lost } = await clientOf((line, opaque, socket) => {
      if (line === 'mn') return 'MN'
      return keyOf(line) === 'b1' ? 'SERVER_ERROR out of memory' : honest(line, opaque, socket)
    })
    const commands = ['b0', 'b1', 'b2'].map((name) => mg(metaKey(name), 'v'))
    const [batch, single] = await Promise.all([batchOutcome(client, commands), outcomes(client, ['after'])])
    expect(batch).toBe('0:b0 l2_error')
    expect(single).toEqual(['after'])
    expect(lost).toEqual([])
  })

  test.each(['CLIENT_ERROR bad data chunk', 'ERROR'])(
    '%s ends the connection: the next answer is nobody’s',
    async (error) => {
      const { client, lost } = await clientOf((line, opaque, socket) =>
        keyOf(line) === 'k1' ? `${error}\r\nERROR` : honest(line, opaque, socket),
      )
      expect(await outcomes(client, ['k0', 'k1', 'k2'])).toEqual(['k0', 'l2_error', 'l2_unavailable'])
      expect(lost).toEqual([expect.stringContaining('nobody knows')])
      await untilReady(client)
      expect(await outcomes(client, ['k2'])).toEqual(['k2'])
    },
  )

  test('a memory that is full is told once a connection', async () => {
    const refusing: string[] = []
    const port = await startFakeMemcached(() => 'SERVER_ERROR out of memory storing object')
    const client = await openedClient(`memcached://127.0.0.1:${port}`, {
      events: {
        onRefusing: (why) => {
          refusing.push(why)
          throw new Error('and whoever is told breaks nothing')
        },
      },
    })
    for (let i = 0; i < 3; i++) await client.send(md(metaKey('k')), soon()).catch(() => undefined)
    expect(refusing).toEqual(['the server answered SERVER_ERROR "out of memory storing object"'])
    client.reconnect(new Error('another one'))
    await untilReady(client)
    await client.send(md(metaKey('k')), soon()).catch(() => undefined)
    expect(refusing).toHaveLength(2)
  })

  test.each([
    [
      'Redis',
      '-ERR unknown command',
      'begins with "-ERR", which is not the Memcached protocol: is this a Memcached?',
    ],
    ['a web server', 'HTTP/1.1 400 Bad Request', 'begins with "HTTP/1.1"'],
  ])('%s is no Memcached, and that is said', async (_, line, message) => {
    const port = await startFakeMemcached(
      () => undefined,
      () => line,
    )
    const client = openClient(`memcached://127.0.0.1:${port}`)
    await vi.waitUntil(() => client.lastError !== undefined)
    expect(client.lastError?.message).toContain(message)
    expect(client.ready).toBe(false)
  })
})
