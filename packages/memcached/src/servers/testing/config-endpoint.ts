import { once } from 'node:events'
import { createServer } from 'node:net'
import type { MemcachedServer } from '@holdfast/testkit'

/** What an ElastiCache cluster answers to `config get cluster`. */
export interface ConfigEndpoint extends AsyncDisposable {
  readonly port: number
  /** How often it was asked. */
  readonly asked: number
  /** From here on these are its nodes. */
  tell(version: number, servers: readonly MemcachedServer[]): void
}

/** Starts a configuration endpoint that knows of no node yet. */
export async function startConfigEndpoint(): Promise<ConfigEndpoint> {
  let reply = 'END\r\n'
  let asked = 0
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      asked++
      socket.write(reply)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return {
    port: address.port,
    get asked() {
      return asked
    },
    tell(version, servers) {
      const nodes = servers.map(({ port }) => `127.0.0.1|127.0.0.1|${port}`).join(' ')
      const body = `${version}\n${nodes}\n`
      reply = `CONFIG cluster 0 ${body.length}\r\n${body}\r\nEND\r\n`
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}
