/** Every fault of the proxy, over real sockets and a real Redis. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts'
import { RedisConnection } from './servers/redis-connection.ts'
import { type RedisServer, startRedis } from './start-redis.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function proxyTo(port: number, options?: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ port }, options)
  cleanups.push(() => proxy.close())
  return proxy
}

function dial(port: number): RedisConnection {
  const connection = new RedisConnection(port)
  cleanups.push(() => connection.close())
  return connection
}

/** A plain TCP server that hands each of its sockets over. */
async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.setNoDelay(true))
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  // `as`: a TCP server's address is never a path.
  return (server.address() as AddressInfo).port
}

interface Reader {
  readonly socket: Socket
  readonly chunks: Buffer[]
  /** How it ended: `end`, or the code of its error. */
  ended: string | undefined
  readonly bytes: () => number
}

async function read(port: number): Promise<Reader> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  cleanups.push(() => socket.destroy())
  const chunks: Buffer[] = []
  const bytes = (): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const reader: Reader = { socket, chunks, ended: undefined, bytes }
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', () => {
    reader.ended ??= 'end'
  })
  socket.on('error', (error) => {
    reader.ended ??= 'code' in error ? String(error.code) : error.message
  })
  await until(() => !socket.connecting || reader.ended !== undefined)
  return reader
}

const until = (holds: () => boolean): Promise<unknown> => vi.waitUntil(holds, { interval: 1, timeout: 5000 })
/** Sockets had several chances to be read and written. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1))
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

/** Bytes none of whose neighbourhoods are alike. */
const pattern = (bytes: number): Buffer =>
  Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_, i) => i).buffer)

describe('without faults', () => {
  test('what Redis answers arrives, on each connection its own', async () => {
    const proxy = await proxyTo(redis.port)
    const [a, b] = [dial(proxy.port), dial(proxy.port)]
    const value = pattern(4_000_000)
    await a.call(['SET', 'k', value])
    const answers = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? a : b).call(['ECHO', `${i}`]))
    expect((await Promise.all(answers)).map(String)).toEqual(answers.map((_, i) => `${i}`))
    const got = await b.call(['GET', 'k'])
    expect(Buffer.isBuffer(got) && got.equals(value)).toBe(true)
    expect([proxy.connections, proxy.accepted]).toEqual([2, 2])
  })

  test('a goodbye follows the bytes before it, in both directions', async () => {
    const received: Buffer[] = []
    let goodbye = false
    const port = await listen((socket) => {
      socket.on('data', (chunk) => received.push(chunk))
      socket.on('end', () => {
        goodbye = true
        socket.end('bye')
      })
    })
    const proxy = await proxyTo(port)
    const { socket, chunks, ...rest } = await read(proxy.port)
    socket.end(pattern(400_000))
    await once(socket, 'close')
    expect([Buffer.concat(received).equals(pattern(400_000)), goodbye]).toEqual([true, true])
    expect(Buffer.concat(chunks).toString()).toBe('bye')
    expect([rest.ended, proxy.connections]).toEqual([undefined, 0])
  })

  test('a server that is not there is a reset', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    // `as`: a TCP server's address is never a path.
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const proxy = await proxyTo(port)
    const reader = await read(proxy.port)
    await until(() => reader.ended !== undefined)
    expect(reader.ended).toBe('ECONNRESET')
  })

  test('a reader who does not read stops the writer: nothing piles up between them', async () => {
    const total = 256 * 1024 * 1024
    const piece = Buffer.alloc(1024 * 1024)
    let taken = 0
    const port = await listen((socket) => {
      const more = (): void => {
        while (taken < total) {
          taken += piece.length
          if (!socket.write(piece)) break
        }
      }
      socket.on('drain', more)
      more()
    })
    const proxy = await proxyTo(port)
    const reader = await read(proxy.port)
    reader.socket.pause()
    const before = process.memoryUsage().arrayBuffers
    let last = -1
    while (last !== taken) {
      last = taken
      await turns()
    }
    // Each of the two pairs of kernel buffers takes up to some 10 MB; the proxy 1 MiB.
    expect(taken).toBeLessThan(64 * 1024 * 1024)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  })
})

describe('delay and jitter', () => {
  test('replies come later, requests do not', async () => {
    const proxy = await proxyTo(redis.port)
    const connection = dial(proxy.port)
    await connection.call(['PING'])
    proxy.inject({ delayMs: 80 })
    const answer = timed(() => connection.call(['SET', 'when', 'now']))
    await until(() => proxy.holds('OK'))
    expect(String(await redis.cli('GET', 'when'))).toBe('now')
    expect(await answer).toBeGreaterThanOrEqual(79)
    proxy.heal()
    expect(await timed(() => connection.call(['PING']))).toBeLessThan(79)
  })

  test('many in flight are each late by the delay, not by its sum', async () => {
    const proxy = await proxyTo(redis.port)
    const connection = dial(proxy.port)
    proxy.inject({ delayMs: 50 })
    const tookMs = await timed(() =>
      Promise.all(Array.from({ length: 100 }, () => connection.call(['PING']))),
    )
    expect(tookMs).toBeGreaterThanOrEqual(49)
    expect(tookMs).toBeLessThan(1000)
  })

  test('jitter is drawn for each chunk, and never changes the order', async () => {
    const draws = [0.5, 0, 1, 0]
    let drawn = 0
    const proxy = await proxyTo(redis.port, { random: () => draws[drawn++ % draws.length] ?? 0 })
    const connection = dial(proxy.port)
    await connection.call(['PING'])
    drawn = 0
    proxy.inject({ jitterMs: 60 })
    const startMs = performance.now()
    const answers: Promise<readonly [string, number]>[] = []
    for (let i = 0; i < 4; i++) {
      const heard = drawn
      answers.push(
        connection.call(['ECHO', `${i}`]).then((text) => [String(text), performance.now() - startMs]),
      )
      await until(() => drawn > heard)
    }
    const arrived = await Promise.all(answers)
    expect(arrived.map(([text]) => text)).toEqual(['0', '1', '2', '3'])
    // The second and the fourth wait for the one before them; the third does not come with the first.
    for (const [i, leastMs] of [29, 29, 59, 59].entries()) {
      expect(arrived[i]?.[1]).toBeGreaterThanOrEqual(leastMs)
    }
  })
})

describe('slices', () => {
  test('each byte arrives by itself', async () => {
    const port = await listen((socket) => socket.once('data', () => socket.write('+0123456789\r\n')))
    const proxy = await proxyTo(port)
    proxy.inject({ sliceBytes: 1 })
    const { socket, chunks, bytes } = await read(proxy.port)
    socket.write('begin')
    await until(() => bytes() === 13)
    expect(chunks.map((chunk) => chunk.length)).toEqual(Array(13).fill(1))
    expect(Buffer.concat(chunks).toString()).toBe('+0123456789\r\n')
  })

  test('a value of Redis is the same in pieces of 7 bytes', async () => {
    const proxy = await proxyTo(redis.port)
    proxy.inject({ sliceBytes: 7 })
    const connection = dial(proxy.port)
    await connection.call(['SET', 'k', pattern(4000)])
    const got = await connection.call(['GET', 'k'])
    expect(Buffer.isBuffer(got) && got.equals(pattern(4000))).toBe(true)
  })
})

describe('bytes a second', () => {
  test('bound each direction, and all connections together', async () => {
    const proxy = await proxyTo(redis.port)
    const connections = [dial(proxy.port), dial(proxy.port)]
    await Promise.all(connections.map((connection) => connection.call(['PING'])))
    proxy.inject({ bytesPerSecond: 500_000 })
    const value = pattern(50_000)
    // 2 x 50,000 bytes at 500,000 a second are 200 ms; the burst of 20 ms comes off, and a busy machine adds.
    const up = await timed(() =>
      Promise.all(connections.map((connection, i) => connection.call(['SET', `k${i}`, value]))),
    )
    const down = await timed(() =>
      Promise.all(connections.map((connection, i) => connection.call(['GET', `k${i}`]))),
    )
    for (const tookMs of [up, down]) {
      expect(tookMs).toBeGreaterThan(150)
      expect(tookMs).toBeLessThan(1000)
    }
    proxy.heal()
    expect(
      await timed(() => Promise.all(connections.map((connection, i) => connection.call(['GET', `k${i}`])))),
    ).toBeLessThan(150)
  })

  test('connections take turns: a small answer does not wait for a big one of another', async () => {
    const proxy = await proxyTo(redis.port)
    const [big, small] = [dial(proxy.port), dial(proxy.port)]
    await big.call(['SET', 'big', pattern(400_000)])
    await small.call(['PING'])
    proxy.inject({ bytesPerSecond: 400_000 })
    let isBigThere = false
    const bigAnswer = big.call(['GET', 'big']).then(() => {
      isBigThere = true
    })
    await small.call(['PING'])
    expect(isBigThere).toBe(false)
    proxy.heal()
    await bigAnswer
  })
})

describe('blackhole', () => {
  test('nothing passes either way, connections stay, new ones are taken; healed, all of it arrives late', async () => {
    const proxy = await proxyTo(redis.port)
    const connection = dial(proxy.port)
    await connection.call(['PING'])
    const clients = Number((await redis.info('clients')).connected_clients)
    proxy.inject({ blackhole: true })
    const late = [connection.call(['INCR', 'n']), dial(proxy.port).call(['INCR', 'n'])]
    await until(() => proxy.connections === 2)
    await turns()
    expect(await redis.cli('GET', 'n')).toBe(null)
    expect(Number((await redis.info('clients')).connected_clients)).toBe(clients)
    proxy.heal()
    expect((await Promise.all(late)).toSorted()).toEqual([1, 2])
  })

  test('replies that were on their way are held too', async () => {
    const proxy = await proxyTo(redis.port)
    const connection = dial(proxy.port)
    await connection.call(['PING'])
    proxy.inject({ delayMs: 20 })
    const answer = connection.call(['ECHO', 'held'])
    await until(() => proxy.holds('held'))
    proxy.inject({ blackhole: true })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(proxy.holds('held')).toBe(true)
    proxy.heal()
    expect(String(await answer)).toBe('held')
  })

  test('what is held on a connection that is cut never arrives', async () => {
    const proxy = await proxyTo(redis.port)
    const connection = dial(proxy.port)
    await connection.call(['PING'])
    proxy.inject({ blackhole: true })
    const lost = connection.call(['SET', 'lost', '1'])
    await turns()
    proxy.cut()
    await expect(lost).rejects.toThrow('ECONNRESET')
    proxy.heal()
    await turns()
    expect(await redis.cli('GET', 'lost')).toBe(null)
  })

  test('even the end of a server is not heard through it', async () => {
    let peer: Socket | undefined
    const port = await listen((socket) => {
      peer = socket
      socket.write('hello')
    })
    const proxy = await proxyTo(port)
    const reader = await read(proxy.port)
    await until(() => reader.bytes() === 5)
    proxy.inject({ blackhole: true })
    peer?.resetAndDestroy()
    await turns()
    expect(reader.ended).toBe(undefined)
    proxy.heal()
    await until(() => reader.ended !== undefined)
    expect(reader.ended).toBe('ECONNRESET')
  })
})

test('held replies: requests pass, answers wait, and then come in one piece', async () => {
  const proxy = await proxyTo(redis.port)
  const { socket, chunks } = await read(proxy.port)
  proxy.inject({ holdReplies: true })
  for (let i = 0; i < 3; i++) {
    socket.write(`INCR held\r\n`)
    await until(() => proxy.holds(`:${i + 1}\r\n`))
  }
  expect(await redis.cli('GET', 'held')).toBe('3')
  expect(chunks).toEqual([])
  proxy.heal()
  await until(() => chunks.length > 0)
  expect(chunks.map(String)).toEqual([':1\r\n:2\r\n:3\r\n'])
})

test('refused: new connections are reset, open ones go on', async () => {
  const proxy = await proxyTo(redis.port)
  const connection = dial(proxy.port)
  await connection.call(['PING'])
  proxy.inject({ refuse: true })
  const reader = await read(proxy.port)
  await until(() => reader.ended !== undefined)
  expect(reader.ended).toBe('ECONNRESET')
  expect(await connection.call(['PING'])).toBe('PONG')
  expect([proxy.connections, proxy.accepted]).toEqual([1, 2])
  proxy.heal()
  expect(await dial(proxy.port).call(['PING'])).toBe('PONG')
})

describe('reset after bytes', () => {
  test.each([0, 1, 7, 13])('%i bytes of a reply arrive, then RST', async (bytes) => {
    let peer: Socket | undefined
    const port = await listen((socket) => {
      peer = socket
      socket.write('before')
    })
    const proxy = await proxyTo(port)
    const reader = await read(proxy.port)
    await until(() => reader.bytes() === 6)
    let isReset = false
    peer?.on('error', (error) => {
      isReset = 'code' in error && error.code === 'ECONNRESET'
    })
    proxy.inject({ resetAfterBytes: bytes })
    peer?.write('+0123456789\r\n')
    await until(() => reader.ended !== undefined)
    expect(reader.ended).toBe('ECONNRESET')
    expect(Buffer.concat(reader.chunks).toString()).toBe(`before${'+0123456789\r\n'.slice(0, bytes)}`)
    await until(() => isReset)
  })

  test('new connections are counted from their own beginning, and none after heal', async () => {
    const proxy = await proxyTo(redis.port)
    proxy.inject({ resetAfterBytes: 3 })
    for (let i = 0; i < 2; i++) await expect(dial(proxy.port).call(['PING'])).rejects.toThrow('ECONNRESET')
    const spared = dial(proxy.port)
    await until(() => proxy.connections === 1)
    proxy.heal()
    expect(await spared.call(['PING'])).toBe('PONG')
  })
})

test('cut: RST to client and server, new connections work', async () => {
  const proxy = await proxyTo(redis.port)
  const reader = await read(proxy.port)
  await until(() => proxy.connections === 1)
  proxy.cut()
  await until(() => reader.ended !== undefined)
  expect([reader.ended, proxy.connections]).toEqual(['ECONNRESET', 0])
  expect(await dial(proxy.port).call(['PING'])).toBe('PONG')
})

test('strand: open connections pass nothing any more, even healed; new ones work', async () => {
  const proxy = await proxyTo(redis.port)
  const stranded = dial(proxy.port)
  await stranded.call(['PING'])
  proxy.strand()
  const lost = stranded.call(['INCR', 'stranded'])
  expect(await dial(proxy.port).call(['PING'])).toBe('PONG')
  proxy.heal()
  await turns()
  expect([await redis.cli('GET', 'stranded'), proxy.connections]).toEqual([null, 2])
  proxy.cut()
  await expect(lost).rejects.toThrow('ECONNRESET')
})

test('retarget: open connections are cut, new ones lead to the other server', async () => {
  await using other = await startRedis()
  const proxy = await proxyTo(redis.port)
  const portOf = async (): Promise<unknown> => String(await dial(proxy.port).call(['CONFIG', 'GET', 'port']))
  const first = dial(proxy.port)
  await first.call(['PING'])
  expect(await portOf()).toBe(`port,${redis.port}`)
  proxy.retarget(other.port)
  await until(() => !first.open)
  expect(await portOf()).toBe(`port,${other.port}`)
})

test('close cuts what is open and frees the port; again it is the same', async () => {
  const proxy = await startFaultProxy({ port: redis.port })
  const reader = await read(proxy.port)
  proxy.inject({ blackhole: true })
  await Promise.all([proxy.close(), proxy.close()])
  await until(() => reader.ended !== undefined)
  expect([reader.ended, proxy.connections]).toEqual(['ECONNRESET', 0])
  const server = createServer().listen(proxy.port, '127.0.0.1')
  await once(server, 'listening')
  await new Promise((resolve) => server.close(resolve))
})
