import { createServer } from 'node:net'

/**
 * A port of 127.0.0.1 on which nothing listened a moment ago. Another program may take it before you do:
 * whoever listens on it retries with another one.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : undefined
      server.close(() =>
        port === undefined ? reject(new Error('the listening server has no port')) : resolve(port),
      )
    })
  })
}
