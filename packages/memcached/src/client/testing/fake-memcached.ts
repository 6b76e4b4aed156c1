import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What a fake server makes of a command: its answer, or nothing. */
export type Answering = (line: string, opaque: string, socket: Socket) => string | undefined

const HANDSHAKE: Readonly<Record<string, string>> = {
  version: 'VERSION 1.6.18',
  stats:
    'STAT pid 7\r\nSTAT uptime 10\r\nSTAT time 1800000000\r\nSTAT version 1.6.18\r\nSTAT limit_maxbytes 67108864\r\nEND',
  'stats settings': 'STAT item_size_max 1048576\r\nSTAT evictions on\r\nSTAT cas_enabled yes\r\nEND',
}

/**
 * A server that shakes hands as Memcached does, or as it is told, and then answers as it is told; it ends with its test.
 * Its port of 127.0.0.1.
 */
export async function startFakeMemcached(
  answer: Answering,
  greet: (line: string) => string | undefined = greeting,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    let rest = ''
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const reply = greet(line) ?? answer(line, / O(\d+)/.exec(line)?.[1] ?? '', socket)
        if (reply !== undefined && !socket.destroyed) socket.write(`${reply}\r\n`, 'latin1')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return address.port
}

/** The answers of 1.6.18 to a handshake. */
export function greeting(line: string): string | undefined {
  return HANDSHAKE[line] ?? probed(line)
}

function probed(line: string): string | undefined {
  const [, key, opaque] = /^mg (\S+) .*O(\d+)/.exec(line) ?? []
  if (key === 'holdfast:probe') return line.includes(' E') ? 'CLIENT_ERROR invalid flag' : `EN O${opaque}`
  return key === Buffer.from('holdfast probe').toString('base64') ? `EN O${opaque}` : undefined
}
