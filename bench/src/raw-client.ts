import { systemClock } from 'holdfast/contracts'
import { openRedisClient } from './redis-counters.ts'

/** GET of one key, its value as text: what every client's users get, and what JSON.parse takes. */
export type RawGet = (key: string) => Promise<string | null>

// Every command of ours has a deadline; a busy machine should not meet this one.
const WAIT_MS = 5000

/** Takes a reply as our store does: its bytes are lent, and decoded before the next reply is read. */
class TextReceiver {
  readonly borrows = true
  readonly text: Promise<string | null>
  #resolve: (text: string | null) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor() {
    this.text = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  reply(message: unknown): void {
    this.#resolve(Buffer.isBuffer(message) ? message.toString() : null)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }
}

/** Each client is loaded only by the process that measures it. */
const OPENERS: Readonly<Record<string, (url: string) => Promise<RawGet>>> = {
  async holdfast(url) {
    const client = await openRedisClient(url)
    return (key) => {
      const receiver = new TextReceiver()
      client.post(['GET', key], { by: systemClock.now() + WAIT_MS }, receiver)
      return receiver.text
    }
  },
  async ioredis(url) {
    const { Redis } = await import('ioredis')
    const client = new Redis(url)
    return (key) => client.get(key)
  },
  async 'ioredis, auto-pipelining'(url) {
    const { Redis } = await import('ioredis')
    const client = new Redis(url, { enableAutoPipelining: true })
    return (key) => client.get(key)
  },
  async 'node-redis'(url) {
    const { createClient } = await import('redis')
    const client = createClient({ url })
    client.on('error', () => {})
    await client.connect()
    return (key) => client.get(key)
  },
  async 'valkey-glide'(url) {
    const { GlideClient } = await import('@valkey/valkey-glide')
    const { hostname, port } = new URL(url)
    const client = await GlideClient.createClient({ addresses: [{ host: hostname, port: Number(port) }] })
    return async (key) => {
      const reply = await client.get(key)
      return reply === null ? null : String(reply)
    }
  },
}

/** Opens a client by its name in the tables. */
export async function openRawClient(name: string, url: string): Promise<RawGet> {
  const open = OPENERS[name]
  if (open === undefined) throw new Error(`unknown client ${JSON.stringify(name)}`)
  return await open(url)
}
