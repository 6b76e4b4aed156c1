import { systemClock } from 'holdfast/contracts'
import { MemcachedClient } from '../../packages/memcached/src/client/memcached-client.ts'
import { mg } from '../../packages/memcached/src/client/meta-command.ts'
import { metaKey } from '../../packages/memcached/src/client/meta-key.ts'
import type { MetaReply } from '../../packages/memcached/src/client/meta-reply.ts'
import { parseMemcachedUrls } from '../../packages/memcached/src/url.ts'
import { after } from './clock.ts'

/** A client of one Memcached. Values are text: what every client's users get, and what JSON.parse takes. */
export interface RawMemcached {
  get(key: string): Promise<string | null>
  /** Absent: the client has none. Keys that are not there are not in it. */
  getMany?(keys: readonly string[]): Promise<ReadonlyMap<string, string>>
}

// Every command of ours has a deadline; a busy machine should not meet this one. Peers are given as much.
const WAIT_MS = 5000
// The largest value of a row, and more: one of the peers refuses those above 1 MB anyway.
const VALUE_BYTES_MAX = 1024 * 1024

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

  reply(reply: MetaReply): void {
    this.#resolve(reply.valueText('utf8') ?? null)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }
}

/** Each client is loaded only by the process that measures it. */
const OPENERS: Readonly<Record<string, (port: number) => Promise<RawMemcached>>> = {
  async holdfast(port) {
    const client = await openOurs(port)
    const options = (): { by: number } => ({ by: systemClock.now() + WAIT_MS })
    return {
      get(key) {
        const receiver = new TextReceiver()
        client.post(mg(metaKey(key), 'v'), options(), receiver)
        return receiver.text
      },
      getMany(keys) {
        const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, string>>()
        const found = new Map<string, string>()
        const commands = keys.map((key) => mg(metaKey(key), 'v'))
        client.postQuiet(commands, options(), {
          borrows: true,
          reply: (index, reply) => found.set(keys[index] ?? '', reply.valueText('utf8') ?? ''),
          done: () => resolve(found),
          fail: reject,
        })
        return promise
      },
    }
  },
  async memjs(port) {
    const { Client } = (await import('memjs')).default
    const client = Client.create(`127.0.0.1:${port}`, { timeout: WAIT_MS / 1000 })
    return {
      async get(key) {
        const { value } = await client.get(key)
        return value === null ? null : value.toString()
      },
    }
  },
  async 'memcache-client'(port) {
    const { MemcacheClient } = await import('memcache-client')
    const client = new MemcacheClient({ server: `127.0.0.1:${port}` })
    return {
      get: async (key) => (await client.get(key))?.value ?? null,
      async getMany(keys) {
        const replies = await client.get(keys)
        return new Map(Object.entries(replies).map(([key, reply]) => [key, reply.value]))
      },
    }
  },
  async memcache(port) {
    const { Memcache } = await import('memcache')
    const client = new Memcache({ nodes: [`127.0.0.1:${port}`], timeout: WAIT_MS })
    return {
      get: async (key) => (await client.get(key)) ?? null,
      getMany: (keys) => client.gets(keys),
    }
  },
  async memcached(port) {
    const Memcached = (await import('memcached')).default
    const client = new Memcached(`127.0.0.1:${port}`, { timeout: WAIT_MS, maxValue: VALUE_BYTES_MAX })
    return {
      get: (key) =>
        new Promise((resolve, reject) => {
          client.get(key, (error, value) => (error ? reject(error) : resolve(value ?? null)))
        }),
      getMany: (keys) =>
        new Promise((resolve, reject) => {
          client.getMulti(keys, (error, values) =>
            error ? reject(error) : resolve(new Map(Object.entries(values))),
          )
        }),
    }
  },
}

/** Opens a client by its name in the tables. */
export async function openRawMemcached(name: string, port: number): Promise<RawMemcached> {
  const open = OPENERS[name]
  if (open === undefined) throw new Error(`unknown client ${JSON.stringify(name)}`)
  return await open(port)
}

async function openOurs(port: number): Promise<MemcachedClient> {
  const [address] = parseMemcachedUrls(`memcached://127.0.0.1:${port}`)
  if (address === undefined) throw new Error('no address')
  const ready = Promise.withResolvers<unknown>()
  const client = new MemcachedClient({ address, clock: systemClock, events: { onReady: ready.resolve } })
  const cancel = after(WAIT_MS, () => ready.reject(new Error('no connection', { cause: client.lastError })))
  try {
    await ready.promise
  } finally {
    cancel()
  }
  return client
}
