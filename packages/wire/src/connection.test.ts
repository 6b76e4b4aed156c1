import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemWireClock } from './clock.ts'
import { connectSocket } from './connect.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { Framing } from './framing.ts'
import { HandshakeRedirected, HandshakeRefused } from './handshake.ts'
import { WireError } from './wire-error.ts'

/** A protocol for these tests: one line a message; a line that begins with `>` answers nothing. */
function lineFraming(): Framing<string> {
  let rest = ''
  return {
    read(chunk, sink) {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === 'garbage') throw new Error('garbage on the line')
        if (line.startsWith('>')) sink.push(line)
        else sink.reply(line)
      }
    },
  }
}

interface Peer {
  readonly server: Server
  readonly port: number
  readonly sockets: Socket[]
  /** Lines received, and the chunks they came in. */
  readonly lines: string[]
  readonly chunks: string[]
}

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A TCP server that gives each line to `answer`. */
async function startPeer(answer: (line: string, socket: Socket) => void, port = 0): Promise<Peer> {
  const sockets: Socket[] = []
  const lines: string[] = []
  const chunks: string[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let rest = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      chunks.push(chunk.toString('latin1'))
      const received = (rest + chunk.toString('latin1')).split('\n')
      rest = received.pop() ?? ''
      for (const line of received) {
        lines.push(line)
        answer(line, socket)
      }
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => stopPeer(peer))
  // `as`: a TCP server's address is never a path.
  const peer = { server, port: (server.address() as AddressInfo).port, sockets, lines, chunks }
  return peer
}

async function stopPeer(peer: Peer): Promise<void> {
  for (const socket of peer.sockets) socket.destroy()
  if (peer.server.listening) await new Promise((resolve) => peer.server.close(resolve))
}

const echo = (line: string, socket: Socket): void => void socket.write(`${line}\n`, 'latin1')
const silent = (): void => {}
const soon = (ms = 2000): number => performance.now() + ms
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => `answered ${value}`,
    (error) => (error instanceof WireError ? error.code : error),
  )

function connect(port: number, options: Partial<ConnectionOptions<string>> = {}): Connection<string> {
  const connection = new Connection<string>({
    endpoint: { transport: 'tcp', host: '127.0.0.1', port },
    framing: lineFraming,
    ...options,
    limits: { backoffMinMs: 5, backoffMaxMs: 20, ...options.limits },
  })
  cleanups.push(() => connection.close())
  return connection
}

async function connected(port: number, options: Partial<ConnectionOptions<string>> = {}) {
  const connection = connect(port, options)
  await vi.waitUntil(() => connection.ready, { interval: 1 })
  return connection
}

describe('answers', () => {
  test('each command gets its own reply, in any number of chunks', async () => {
    const peer = await startPeer((line, socket) => {
      for (const char of `${line}\n`) socket.write(char)
    })
    const connection = await connected(peer.port)
    const names = Array.from({ length: 300 }, (_, i) => `n${i}`)
    const answers = await Promise.all(names.map((name) => connection.send(`${name}\n`, { by: soon() })))
    expect(answers).toEqual(names)
  })

  test('a command may be text, bytes, or both in parts', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port)
    const sent = [
      connection.send('text\n', { by: soon() }),
      connection.send(Buffer.from('bytes\n'), { by: soon() }),
      connection.send(['pa', Buffer.from('r'), new Uint8Array(0), 'ts\xff\n'], { by: soon() }),
    ]
    expect(await Promise.all(sent)).toEqual(['text', 'bytes', 'parts\xff'])
  })

  test('a command with several replies resolves with the last, and the tap sees all', async () => {
    const peer = await startPeer((line, socket) => socket.write(`${line}1\n${line}2\n${line}3\n`))
    const connection = await connected(peer.port)
    const seen: string[] = []
    const first = connection.send('a\n', { by: soon(), replies: 3, tap: (line) => seen.push(line) })
    const second = connection.send('b\n', { by: soon(), replies: 3 })
    expect(await Promise.all([first, second])).toEqual(['a3', 'b3'])
    expect(seen).toEqual(['a1', 'a2', 'a3'])
  })

  test('a reply that the owner calls an error rejects its command only', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port, {
      errorOf: (line) => (line.startsWith('-') ? new Error(line) : undefined),
    })
    const bad = connection.send('-no\n', { by: soon() })
    const good = connection.send('yes\n', { by: soon() })
    await expect(bad).rejects.toThrow('-no')
    expect(await good).toBe('yes')
  })

  test('the ring of commands grows while replies arrive', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port)
    const got: string[] = []
    let depth = 0
    const more = (line: string): void => {
      got.push(line)
      if (depth++ < 2000)
        for (let i = 0; i < 2; i++) void connection.send(`${depth}.${i}\n`, { by: soon(), tap: more })
    }
    await connection.send('start\n', { by: soon(), tap: more })
    await vi.waitUntil(() => got.length === 4001)
    expect(got).toEqual(peer.lines)
  })
})

describe('order', () => {
  test('taps and pushes run in wire order before any promise settles', async () => {
    const peer = await startPeer((line, socket) => line === 'b' && socket.write('>p0\na\n>p1\nb\n>p2\n'))
    const order: string[] = []
    const connection = await connected(peer.port, { events: { onPush: (line) => void order.push(line) } })
    const log = (line: string): void => void order.push(line)
    const a = connection.send('a\n', { by: soon(), tap: log }).then(() => order.push('a settled'))
    const b = connection.send('b\n', { by: soon(), tap: log }).then(() => order.push('b settled'))
    await Promise.all([a, b])
    expect(order).toEqual(['>p0', 'a', '>p1', 'b', '>p2', 'a settled', 'b settled'])
  })

  test('the commands of one tick leave in one write', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port)
    const sends = Array.from({ length: 50 }, (_, i) => connection.send(`c${i}\n`, { by: soon() }))
    const fromMicrotask = Promise.resolve().then(() => connection.send('late\n', { by: soon() }))
    await Promise.all([...sends, fromMicrotask])
    expect(peer.chunks[0]?.split('\n').length).toBeGreaterThan(50)
    expect(peer.chunks.length).toBeLessThanOrEqual(2)
  })

  test('an urgent command leaves at once, behind what waits before it', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port)
    const sent = { written: false }
    const later = { written: false }
    const sends = [
      connection.send('first\n', { by: soon(), sent }),
      connection.send('urgent\n', { by: soon(), urgent: true }),
    ]
    expect(sent.written).toBe(true)
    sends.push(connection.send('later\n', { by: soon(), sent: later }))
    expect(later.written).toBe(false)
    await Promise.all(sends)
    expect(peer.lines).toEqual(['first', 'urgent', 'later'])
  })

  test('a busy server is written to in larger batches, and everything arrives in order', async () => {
    // It answers in one go, so that each answer brings the next command while many are unanswered.
    let held: string[] = []
    const peer = await startPeer((line, socket) => {
      held.push(line)
      if (held.length < 200) return
      socket.write(held.map((text) => `${text}\n`).join(''))
      held = []
    })
    const connection = await connected(peer.port)
    const ask = async (caller: number): Promise<void> => {
      for (let turn = 0; turn < 3; turn++) await connection.send(`${caller}.${turn}\n`, { by: soon() })
    }
    const calls = Array.from({ length: 400 }, (_, caller) => ask(caller))
    await Promise.all(calls)
    expect(peer.lines).toHaveLength(1200)
    for (let caller = 0; caller < 400; caller++) {
      expect(peer.lines.filter((line) => line.startsWith(`${caller}.`))).toEqual(
        [0, 1, 2].map((turn) => `${caller}.${turn}`),
      )
    }
  })

  test('the written flag is set just before the bytes reach the socket', async () => {
    const peer = await startPeer(echo)
    const sent = { written: false }
    const flags: boolean[] = []
    const connection = await connected(peer.port, {
      connect: (endpoint, listener) => {
        const socket = connectSocket(endpoint, listener)
        const write = socket.write.bind(socket)
        socket.write = (data, encoding) => {
          flags.push(sent.written)
          return write(data, encoding)
        }
        return socket
      },
    })
    const answer = connection.send('x\n', { by: soon(), sent })
    expect(sent.written).toBe(false)
    await answer
    expect(flags).toEqual([true])
  })
})

describe('deadlines', () => {
  test('a command is answered with a timeout within 10 ms of its deadline', async () => {
    const peer = await startPeer(silent)
    const connection = await connected(peer.port)
    const start = performance.now()
    const waits = [100, 50, 150].map(async (ms) => {
      // A machine that stops this process makes every timer late: a plain one tells by how much.
      const plain = new Promise<number>((resolve) => setTimeout(() => resolve(performance.now()), ms))
      expect(await codeOf(connection.send('x\n', { by: start + ms }))).toBe('timeout')
      const endedMs = performance.now()
      return { lateMs: endedMs - start - ms, behindPlainMs: endedMs - (await plain) }
    })
    for (const { lateMs, behindPlainMs } of await Promise.all(waits)) {
      expect(lateMs).toBeGreaterThanOrEqual(0)
      // 10 ms is the promise; the rest is for a busy machine.
      expect(behindPlainMs).toBeLessThan(25)
    }
  })

  test('a late reply is dropped and never handed to another command', async () => {
    const held: (() => void)[] = []
    const peer = await startPeer((line, socket) => held.push(() => socket.write(`${line}\n`)))
    const connection = await connected(peer.port)
    const tapped: string[] = []
    const tap = (line: string): void => void tapped.push(line)
    expect(await codeOf(connection.send('old\n', { by: soon(20), tap }))).toBe('timeout')
    const next = connection.send('new\n', { by: soon(), tap })
    await vi.waitUntil(() => held.length === 2)
    for (const answer of held) answer()
    expect(await next).toBe('new')
    expect(tapped).toEqual(['new'])
    expect(connection.generation).toBe(1)
  })

  test('a command whose deadline has passed is not sent', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port)
    const sent = { written: false }
    expect(await codeOf(connection.send('x\n', { by: performance.now() - 1, sent }))).toBe('timeout')
    expect(await connection.send('y\n', { by: soon() })).toBe('y')
    expect(peer.lines).toEqual(['y'])
    expect(sent.written).toBe(false)
  })

  test('a silent server is given up after stallMs, and the next connection works', async () => {
    const lost: Error[] = []
    const peer = await startPeer((line, socket) => peer.sockets.length > 1 && echo(line, socket))
    const connection = await connected(peer.port, {
      limits: { stallMs: 100 },
      events: { onLost: (error) => void lost.push(error) },
    })
    const start = performance.now()
    expect(await codeOf(connection.send('x\n', { by: start + 30 }))).toBe('timeout')
    const waiting = codeOf(connection.send('y\n', { by: start + 5000 }))
    expect(await waiting).toBe('lost')
    expect(performance.now() - start).toBeGreaterThanOrEqual(130)
    expect(performance.now() - start).toBeLessThan(300)
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    expect(connection.generation).toBe(2)
    expect(lost[0]?.message).toContain('no answer for 100 ms after a deadline')
    expect(await connection.send('z\n', { by: soon() })).toBe('z')
  })

  /** Blocks this process in a turn whose next phase is timers: they fire late, and before any socket is read. */
  const block = (ms: number, first = (): unknown => undefined): Promise<void> =>
    new Promise((resolve) =>
      setImmediate(() => {
        first()
        const until = performance.now() + ms
        while (performance.now() < until);
        resolve()
      }),
    )

  test('an answer that waited while this process was blocked is no timeout', async () => {
    const peer = await startPeer(silent)
    const connection = await connected(peer.port)
    const answer = codeOf(connection.send('x\n', { by: soon(30) }))
    await vi.waitUntil(() => peer.lines.length === 1, { interval: 1 })
    await block(100, () => peer.sockets[0]?.write('one\n'))
    expect(await answer).toBe('answered one')
  })

  test('the time for which this process was blocked is not held against the server', async () => {
    const peer = await startPeer(silent)
    const connection = await connected(peer.port, { limits: { stallMs: 100 } })
    const short = codeOf(connection.send('x\n', { by: soon(20) }))
    const long = codeOf(connection.send('y\n', { by: soon(5000) }))
    await vi.waitUntil(() => peer.lines.length === 2, { interval: 1 })
    await block(300)
    expect(await short).toBe('timeout')
    peer.sockets[0]?.write('one\ntwo\n')
    expect(await long).toBe('answered two')
    expect(connection.generation).toBe(1)
  })
})

describe('bounds', () => {
  test('beyond inFlightMax a command is refused at once, also when callers have given up', async () => {
    const peer = await startPeer(silent)
    const connection = await connected(peer.port, { limits: { inFlightMax: 10, stallMs: 60_000 } })
    const taken = Array.from({ length: 10 }, () => codeOf(connection.send('x\n', { by: soon(20) })))
    expect(await codeOf(connection.send('x\n', { by: soon() }))).toBe('overloaded')
    expect(await Promise.all(taken)).toEqual(Array(10).fill('timeout'))
    expect(await codeOf(connection.send('x\n', { by: soon() }))).toBe('overloaded')
    expect(peer.lines.length).toBe(10)
  })

  test('beyond bufferedBytesMax a command is refused at once, and taken again when the peer has read', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port, {
      limits: { bufferedBytesMax: 1_000_000, stallMs: 60_000 },
    })
    peer.sockets[0]?.pause()
    const big = `${'x'.repeat(400_000)}\n`
    let refused: unknown
    const taken: Promise<unknown>[] = []
    while (refused === undefined && taken.length < 100) {
      const answer = connection.send(big, { by: Infinity })
      const early = await Promise.race([
        codeOf(answer),
        new Promise((resolve) => setImmediate(resolve, 'waits')),
      ])
      if (early === 'waits') taken.push(answer)
      else refused = early
    }
    expect(refused).toBe('overloaded')
    peer.sockets[0]?.resume()
    expect((await Promise.all(taken)).length).toBe(taken.length)
    expect(await connection.send(big, { by: soon() })).toBe(big.trim())
  })
})

describe('a connection that ended', () => {
  const shake: Partial<ConnectionOptions<string>> = {
    handshake: async (link) => void (await link.send('hello\n', { by: link.by })),
  }

  test.each<[string, (socket: Socket) => void, boolean]>([
    ['before anything had come over it', (socket) => socket.destroy(), true],
    ['behind a first message', (socket) => socket.end('>welcome\n'), false],
    ['for bytes of another protocol', (socket) => socket.end('garbage\n'), false],
  ])('%s says whether it was unheard', async (_, answer, isUnheard) => {
    const peer = await startPeer((_line, socket) => answer(socket))
    const connection = connect(peer.port, shake)
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    expect(connection.endedUnheard).toBe(isUnheard)
  })

  test('that nobody listened to was not heard, and not open either', async () => {
    const peer = await startPeer(echo)
    await stopPeer(peer)
    const connection = connect(peer.port, shake)
    await vi.waitUntil(() => connection.lastError?.message.includes('ECONNREFUSED'), { interval: 1 })
    expect(connection.endedUnheard).toBe(false)
  })
})

describe('loss and return', () => {
  test('a server that is down at the start is a normal state', async () => {
    const peer = await startPeer(echo)
    await stopPeer(peer)
    const connection = connect(peer.port)
    expect(await codeOf(connection.send('x\n', { by: soon() }))).toBe('unavailable')
    await vi.waitUntil(() => connection.lastError?.message.includes('ECONNREFUSED'), { interval: 1 })
    await startPeer(echo, peer.port)
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    expect(await connection.send('x\n', { by: soon() })).toBe('x')
  })

  test('a lost connection rejects what is in flight, and the generation rises with the next', async () => {
    const events: string[] = []
    const peer = await startPeer(silent)
    const connection = await connected(peer.port, {
      events: {
        onReady: (generation) => void events.push(`ready ${generation}`),
        onLost: () => void events.push('lost'),
      },
    })
    const sent = { written: false }
    const written = codeOf(connection.send('a\n', { by: soon(), sent }))
    await vi.waitUntil(() => peer.lines.length === 1, { interval: 1 })
    peer.sockets[0]?.resetAndDestroy()
    expect(await written).toBe('lost')
    expect(sent.written).toBe(true)
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    expect(events).toEqual(['ready 1', 'lost', 'ready 2'])
    expect(connection.generation).toBe(2)
  })

  test('what was not yet written when the connection broke is known not to be sent', async () => {
    const peer = await startPeer(silent)
    const connection = await connected(peer.port)
    const sent = { written: false }
    const unwritten = codeOf(connection.send('a\n', { by: soon(), sent }))
    connection.reconnect(new Error('the server is the wrong one'))
    expect(await unwritten).toBe('unavailable')
    expect(sent.written).toBe(false)
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    expect(peer.lines).toEqual([])
  })

  test('half a reply dies with its connection', async () => {
    const peer = await startPeer((line, socket) => {
      if (peer.sockets.length > 1) echo(line, socket)
      else socket.write('hal', () => socket.resetAndDestroy())
    })
    const connection = await connected(peer.port)
    expect(await codeOf(connection.send('a\n', { by: soon() }))).toBe('lost')
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    expect(await connection.send('b\n', { by: soon() })).toBe('b')
  })

  test('bytes that the framing cannot read end the connection', async () => {
    const lost: unknown[] = []
    const peer = await startPeer((_, socket) => socket.write('garbage\n'))
    const connection = await connected(peer.port, { events: { onLost: (error) => void lost.push(error) } })
    expect(await codeOf(connection.send('a\n', { by: soon() }))).toBe('lost')
    expect(lost).toEqual([expect.objectContaining({ code: 'protocol' })])
  })

  test('a reply that nobody asked for ends the connection', async () => {
    const lost: unknown[] = []
    const peer = await startPeer(silent)
    await connected(peer.port, { events: { onLost: (error) => void lost.push(error) } })
    await vi.waitUntil(() => peer.sockets.length === 1, { interval: 1 })
    peer.sockets[0]?.write('hello\n')
    await vi.waitUntil(() => lost.length === 1, { interval: 1 })
    expect(lost).toEqual([expect.objectContaining({ code: 'protocol' })])
  })

  test('callbacks and taps that throw break nothing', async () => {
    const trouble: unknown[] = []
    const fail = (): never => {
      throw new Error('callback')
    }
    const peer = await startPeer((line, socket) => socket.write(`>push\n${line}\n`))
    const connection = await connected(peer.port, {
      events: { onReady: fail, onPush: fail, onLost: fail, onTrouble: (error) => void trouble.push(error) },
    })
    await expect(connection.send('a\n', { by: soon(), tap: fail })).rejects.toThrow('callback')
    expect(await connection.send('b\n', { by: soon() })).toBe('b')
    peer.sockets[0]?.destroy()
    await vi.waitUntil(() => connection.generation === 2 && connection.ready, { interval: 1 })
    expect(trouble.length).toBe(5)
  })
})

describe('handshake', () => {
  test('it runs on every socket before the connection is ready', async () => {
    const peer = await startPeer(echo)
    const seen: string[] = []
    let connection: Connection<string> | undefined
    connection = connect(peer.port, {
      handshake: async (link) => {
        seen.push(`${link.generation} ${connection?.ready} ${await link.send('hello\n', { by: link.by })}`)
      },
    })
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    peer.sockets[0]?.destroy()
    await vi.waitUntil(() => connection.generation === 2 && connection.ready, { interval: 1 })
    expect(seen).toEqual(['1 false hello', '2 false hello'])
  })

  test('a refusal is told once, and tried again at the slow end', async () => {
    const peer = await startPeer((line, socket) =>
      socket.write(peer.sockets.length > 3 ? 'welcome\n' : `no ${line}\n`),
    )
    const fatal: string[] = []
    const lost: unknown[] = []
    const start = performance.now()
    const connection = await connected(peer.port, {
      limits: { backoffMinMs: 1, backoffMaxMs: 60 },
      events: {
        onFatal: (error) => void fatal.push(error.message),
        onLost: (error) => void lost.push(error),
      },
      handshake: async (link) => {
        const answer = await link.send('password\n', { by: link.by })
        if (answer !== 'welcome') throw new HandshakeRefused(new Error(answer))
      },
    })
    expect(performance.now() - start).toBeGreaterThanOrEqual(90)
    expect(fatal).toEqual(['no password'])
    expect(lost).toEqual([])
    expect(connection.generation).toBe(4)
  })

  test('where to connect is asked before each attempt, and a redirection is followed at once', async () => {
    const [first, second] = [await startPeer(echo), await startPeer(echo)]
    const asked: number[] = []
    const attempts = () => asked.length
    const connection = connect(first.port, {
      endpoint: () => {
        const { port } = attempts() < 12 ? first : second
        asked.push(port)
        return { transport: 'tcp', host: '127.0.0.1', port }
      },
      handshake: async () => {
        if (attempts() < 12) throw new Error('not yet')
        if (attempts() === 12) throw new HandshakeRedirected('ask the other one')
      },
      // By the twelfth attempt an ordinary failure would cost two seconds.
      clock: { ...systemWireClock, random: () => (attempts() < 12 ? 0 : 0.99) },
      limits: { backoffMinMs: 1, backoffMaxMs: 10_000 },
    })
    await vi.waitUntil(() => connection.ready, { interval: 1, timeout: 1000 })
    expect(asked).toEqual([...Array.from({ length: 12 }, () => first.port), second.port])
    await stopPeer(second)
    await vi.waitUntil(() => !connection.ready, { interval: 1 })
    const refused = await connection.send('x\n', { by: soon() }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ message: expect.stringContaining(`127.0.0.1:${second.port}`) })
  })

  test('a handshake that hangs is cut off after connectTimeoutMs and tried again', async () => {
    const peer = await startPeer((line, socket) => peer.sockets.length > 1 && echo(line, socket))
    const connection = connect(peer.port, {
      limits: { connectTimeoutMs: 80 },
      handshake: async (link) => void (await link.send('hello\n', { by: Infinity })),
    })
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    expect(connection.lastError?.message).toContain('not ready within 80 ms')
    expect(await codeOf(connection.send('x\n', { by: soon() }))).toBe('unavailable')
    await vi.waitUntil(() => connection.ready, { interval: 1 })
    expect(await connection.send('x\n', { by: soon() })).toBe('x')
  })
})

describe('close', () => {
  test('it rejects what is in flight, ends the socket, and resolves; again it is the same promise', async () => {
    const lost: unknown[] = []
    const peer = await startPeer(silent)
    const connection = await connected(peer.port, { events: { onLost: (error) => void lost.push(error) } })
    const waiting = codeOf(connection.send('x\n', { by: soon() }))
    await vi.waitUntil(() => peer.lines.length === 1, { interval: 1 })
    const closing = connection.close()
    expect(connection.close()).toBe(closing)
    expect(await waiting).toBe('closed')
    await closing
    expect(await codeOf(connection.send('y\n', { by: soon() }))).toBe('closed')
    await vi.waitUntil(() => peer.sockets[0]?.closed, { interval: 1 })
    expect(lost.length).toBe(1)
    expect(peer.sockets.length).toBe(1)
  })

  test('it does not wait for a peer that never answers the goodbye', async () => {
    const peer = await startPeer(silent)
    const connection = await connected(peer.port)
    peer.sockets[0]?.pause()
    connection.send('x'.repeat(20_000_000), { by: Infinity }).catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    const start = performance.now()
    await connection.close()
    expect(performance.now() - start).toBeLessThan(500)
  })

  test('it ends the attempts to connect', async () => {
    const peer = await startPeer(echo)
    await stopPeer(peer)
    const connection = connect(peer.port)
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    await connection.close()
    const again = await startPeer(echo, peer.port)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(again.sockets.length).toBe(0)
  })

  test('a thousand lost connections leave no timers, sockets or listeners behind', async () => {
    const peer = await startPeer(echo)
    const connection = await connected(peer.port, { limits: { backoffMinMs: 1, backoffMaxMs: 1 } })
    const before = process.getActiveResourcesInfo().length
    for (let round = 1; round <= 1000; round++) {
      connection.send('x\n', { by: soon(60_000) }).catch(() => {})
      connection.reconnect(new Error('again'))
      await vi.waitUntil(() => connection.ready, { interval: 1 })
    }
    await vi.waitUntil(() => peer.sockets.filter((socket) => !socket.closed).length === 1, { interval: 1 })
    expect(connection.generation).toBe(1001)
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before + 5)
  })

  test('await using closes', async () => {
    const peer = await startPeer(echo)
    {
      await using connection = await connected(peer.port)
      expect(await connection.send('x\n', { by: soon() })).toBe('x')
    }
    await vi.waitUntil(() => peer.sockets[0]?.closed, { interval: 1 })
  })
})
