import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** Something that listens and is no Redis. */
export interface FakeServer extends AsyncDisposable {
  readonly port: number
  /** Connections that were taken so far. */
  readonly taken: number
}

/** Listens on a free port of 127.0.0.1; each connection is handed to `serve`. */
export async function startFakeServer(serve: (socket: Socket) => void): Promise<FakeServer> {
  const sockets = new Set<Socket>()
  let taken = 0
  const server = createServer((socket) => {
    taken++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return {
    port: address.port,
    get taken() {
      return taken
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Serves one reply a command: what this makes of the number of the command, and of all that came with it. */
export function replying(reply: (nth: number, sent: string) => string): (socket: Socket) => void {
  return (socket) => {
    let nth = 0
    socket.on('data', (chunk) => {
      const sent = chunk.toString().replace(/[\r\n]+/g, ' ')
      for (const _command of sent.matchAll(/\*\d+ \$/g)) socket.write(`${reply(nth++, sent)}\r\n`)
    })
  }
}
