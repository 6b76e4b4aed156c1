import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { connectSocket } from './connect.ts'
import { Connection } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { isNoTls } from './tls-failure.ts'

// Echoes bytes back; a message is a chunk, which is enough for messages this short.
const folder = mkdtempSync(join(tmpdir(), 'wire-connect-'))
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
afterAll(() => rmSync(folder, { recursive: true }))

function connect(endpoint: Endpoint): Connection<string> {
  const connection = new Connection<string>({
    endpoint,
    framing: () => ({ read: (chunk, sink) => sink.reply(chunk.toString()) }),
  })
  cleanups.push(() => connection.close())
  return connection
}

async function listen(server: Server, where: number | string): Promise<number> {
  if (typeof where === 'string') server.listen(where)
  else server.listen(where, 'localhost')
  await once(server, 'listening')
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function expectEcho(connection: Connection<string>): Promise<void> {
  await vi.waitUntil(() => connection.ready, { interval: 1 })
  expect(await connection.send('hello', { by: performance.now() + 2000 })).toBe('hello')
}

test('a unix socket is read and written like TCP', async () => {
  const path = join(folder, 'echo.sock')
  await listen(
    createServer((socket) => socket.pipe(socket)),
    path,
  )
  await expectEcho(connect({ transport: 'unix', path }))
})

test('a host name with several addresses is connected to', async () => {
  const port = await listen(
    createServer((socket) => socket.pipe(socket)),
    0,
  )
  await expectEcho(connect({ transport: 'tcp', host: 'localhost', port }))
})

test('an impossible port is a failed attempt, not a throw', async () => {
  const connection = connect({ transport: 'tcp', host: '127.0.0.1', port: 99_999 })
  expect(connection.lastError?.message).toContain('99999')
  await expect(connection.send('x', { by: Infinity })).rejects.toMatchObject({ code: 'unavailable' })
})

test('the listener hears of the end once, with the reason', async () => {
  const closed = vi.fn()
  const listener = { opened: vi.fn(), data: vi.fn(), closed }
  connectSocket({ transport: 'unix', path: join(folder, 'nobody') }, listener)
  await vi.waitUntil(() => closed.mock.calls.length > 0, { interval: 1 })
  expect(closed.mock.calls).toEqual([[expect.objectContaining({ code: 'ENOENT' })]])
})

describe('TLS', () => {
  let cert = ''
  let key = ''
  beforeAll(() => {
    const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    try {
      const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1']
      execFileSync('openssl', ['req', ...kind, '-keyout', files.key, '-out', files.cert, ...subject], {
        stdio: 'pipe',
      })
    } catch (cause) {
      throw new Error('these tests need the openssl command to make a certificate: apt-get install openssl', {
        cause,
      })
    }
    key = readFileSync(files.key, 'utf8')
    cert = readFileSync(files.cert, 'utf8')
  })

  const serve = (): Promise<number> =>
    listen(
      createTlsServer({ key, cert }, (socket) => {
        socket.on('error', () => {})
        socket.pipe(socket)
      }),
      0,
    )

  test('a port that does not speak TLS is told to be one, on one line', async () => {
    const port = await listen(
      createServer((socket) =>
        socket.on('error', () => undefined).on('data', () => socket.write('ERROR\r\n')),
      ),
      0,
    )
    const connection = connect({ transport: 'tls', host: 'localhost', port })
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    expect(connection.lastError?.message).toBe(
      `localhost:${port}: the port does not speak TLS (wrong version number)`,
    )
    expect(isNoTls(connection.lastError)).toBe(true)
  })

  test('what a server has against a handshake is told on one line', async () => {
    const server = createTlsServer({ key, cert, minVersion: 'TLSv1.3' }).on('tlsClientError', () => undefined)
    const port = await listen(server, 0)
    const tls = { ca: cert, maxVersion: 'TLSv1.2' } as const
    const connection = connect({ transport: 'tls', host: 'localhost', port, tls })
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    expect(connection.lastError?.message).toMatch(/^localhost:\d+: TLS: [\w/ ]*alert protocol version$/)
    expect(isNoTls(connection.lastError)).toBe(false)
  })

  test('a server whose certificate is signed by a known authority is used', async () => {
    await expectEcho(connect({ transport: 'tls', host: 'localhost', port: await serve(), tls: { ca: cert } }))
  })

  test('a certificate that nobody vouches for is refused, even where the environment turns checks off', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    cleanups.push(() => vi.unstubAllEnvs())
    const connection = connect({ transport: 'tls', host: 'localhost', port: await serve() })
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    expect(connection.lastError?.message).toContain('self-signed certificate')
    expect(connection.ready).toBe(false)
  })

  test('a certificate for another name is refused', async () => {
    const tls = { ca: cert, servername: 'elsewhere.example' }
    const connection = connect({ transport: 'tls', host: 'localhost', port: await serve(), tls })
    await vi.waitUntil(() => connection.lastError !== undefined, { interval: 1 })
    expect(connection.lastError?.message).toContain("does not match certificate's altnames")
  })
})

test('much that waits is read in larger pieces, and little in small ones again; nothing of it is lost', async () => {
  const chunks: number[] = []
  const received = createHash('sha256')
  const sent = randomBytes(8 * 1024 * 1024)
  const port = await listen(
    createServer((socket) => socket.once('data', () => void socket.write(sent)).on('error', () => undefined)),
    0,
  )
  let bytes = 0
  const done = Promise.withResolvers<void>()
  const listener = {
    opened: () => void socket.write('go'),
    data(chunk: Buffer): void {
      chunks.push(chunk.length)
      received.update(chunk)
      bytes += chunk.length
      // Slower than the peer, so that something waits.
      if (bytes < sent.length / 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
      if (bytes === sent.length) done.resolve()
    },
    closed: () => done.reject(new Error('closed')),
  }
  const socket = connectSocket({ transport: 'tcp', host: '127.0.0.1', port }, listener)
  cleanups.push(() => socket.destroy())
  await done.promise
  expect(received.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'))
  expect(chunks[0]).toBeLessThanOrEqual(32 * 1024)
  expect(Math.max(...chunks)).toBeGreaterThan(64 * 1024)
  const behindSmall = chunks.filter((_, i) => i > 0 && (chunks[i - 1] ?? 0) < 32 * 1024)
  expect(Math.max(0, ...behindSmall)).toBeLessThanOrEqual(32 * 1024)
})
