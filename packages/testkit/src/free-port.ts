import { createServer } from 'node:net'
import { systemClock } from 'holdfast/contracts'

// Below the ports that systems hand out to outgoing connections (Linux: from 32,768). On one of those a server that
// restarts would now and then find somebody's connection in its place, or that of a client that has reached itself.
const PORT_MIN = 20_000
const PORT_MAX = 32_767
const ATTEMPTS_MAX = 100

/**
 * A port of 127.0.0.1 on which nothing listened a moment ago, and that no connection will take for itself. Another program
 * may listen on it before you do: whoever listens on it retries with another one.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = PORT_MIN + Math.floor(systemClock.random() * (PORT_MAX - PORT_MIN + 1))
    try {
      await listenFor(port)
      return port
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error
    }
  }
}

/** Listens on a port for a moment. */
function listenFor(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve()))
  })
}
