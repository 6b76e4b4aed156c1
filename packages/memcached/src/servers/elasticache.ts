import { type Connect, connectSocket, describeEndpoint, type Endpoint } from '@holdfast/wire'
import { CacheError, type Clock, type Timer } from 'holdfast/contracts'
import type { ListListener, ListSource, OpenListSource, ServerList } from './list-source.ts'
import { parseClusterConfig } from './parse-cluster-config.ts'

export interface ElastiCacheOptions {
  readonly clock: Clock
  /** Between two questions. Each takes a connection of its own, since the endpoint's name moves from node to node. */
  readonly pollMs?: number
  /** For how long nothing but a lower version is answered before it is believed. */
  readonly beginsAgainMs?: number
  readonly connect?: Connect
}

// A node that was added or removed is known to all within it; a cluster's own client asks once a minute.
const POLL_MS = 10_000
// A change is known to all nodes long before: whoever then still tells of a lower version is another cluster, which was
// made under the same name.
const BEGINS_AGAIN_MS = 60_000
// Reasons to ask at once may come in crowds.
const REFRESH_MS_MIN = 500
const ANSWER_MS = 2_000
// A thousand nodes with the longest names.
const REPLY_BYTES_MAX = 512 * 1024

/**
 * ElastiCache's auto-discovery: the nodes of a cluster, asked for at its configuration endpoint with
 * `config get cluster`, again and again.
 */
export function elastiCache(endpoint: Endpoint, options: ElastiCacheOptions): ListSource {
  return {
    address: describeEndpoint(endpoint),
    open: (listener) => new Discovery(endpoint, options, listener),
  }
}

class Discovery implements OpenListSource {
  readonly #endpoint: Endpoint
  readonly #clock: Clock
  readonly #pollMs: number
  readonly #beginsAgainMs: number
  readonly #connect: Connect
  readonly #listener: ListListener
  #version = Number.NEGATIVE_INFINITY
  /** Since when nothing but lower versions was answered. */
  #lowerSince: number | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #isAsking = false
  #isClosed = false
  #timer: Timer | undefined

  constructor(endpoint: Endpoint, options: ElastiCacheOptions, listener: ListListener) {
    this.#endpoint = endpoint
    this.#clock = options.clock
    this.#pollMs = options.pollMs ?? POLL_MS
    this.#beginsAgainMs = options.beginsAgainMs ?? BEGINS_AGAIN_MS
    this.#connect = options.connect ?? connectSocket
    this.#listener = listener
    void this.#ask()
  }

  refresh(): void {
    this.#askIn(Math.max(0, this.#askedAt + REFRESH_MS_MIN - this.#clock.now()))
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #askIn(ms: number): void {
    if (this.#isClosed) return
    this.#timer?.cancel()
    this.#timer = this.#clock.after(ms, () => void this.#ask())
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#askedAt = this.#clock.now()
    try {
      const list = await readConfig(this.#endpoint, this.#connect, this.#clock)
      if (!this.#isClosed) this.#told(list)
    } catch (error) {
      if (!this.#isClosed) this.#listener.trouble(error)
    }
    this.#isAsking = false
    // A fifth of it is random: processes that were started together do not ask together for ever.
    this.#askIn(this.#pollMs * (0.9 + this.#clock.random() / 5))
  }

  #told(list: ServerList): void {
    const version = list.version ?? 0
    if (version < this.#version && !this.#hasBegunAgain()) {
      const text = `${describeEndpoint(this.#endpoint)} tells of version ${version} after version ${this.#version}`
      this.#listener.trouble(failure('l2_error', text))
      return
    }
    this.#lowerSince = undefined
    this.#version = version
    this.#listener.told(list)
  }

  /** A node that has not heard of a change answers what was before it: others will soon tell of the change again. */
  #hasBegunAgain(): boolean {
    const now = this.#clock.now()
    this.#lowerSince ??= now
    return now - this.#lowerSince >= this.#beginsAgainMs
  }
}

/** One question on a connection of its own. Rejects with `l2_unavailable`, `l2_timeout`, or `l2_error`. */
function readConfig(endpoint: Endpoint, connect: Connect, clock: Clock): Promise<ServerList> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerList>()
  const where = `the configuration endpoint ${describeEndpoint(endpoint)}`
  let reply = ''
  const socket = connect(endpoint, {
    opened: () => void socket.write('config get cluster\r\n', 'latin1'),
    data: (chunk) => {
      reply += chunk.toString('latin1')
      try {
        const list = parseClusterConfig(reply)
        if (list !== undefined) resolve(list)
        else if (reply.length > REPLY_BYTES_MAX)
          throw new CacheError('l2_error', 'its answer does not end', { tier: 'l2' })
      } catch (error) {
        reject(failure('l2_error', `${where}: ${error instanceof Error ? error.message : error}`))
      }
    },
    closed: (error) =>
      reject(failure('l2_unavailable', `${where}: ${error?.message ?? 'it hung up'}`, error)),
  })
  const timer = clock.after(ANSWER_MS, () => reject(failure('l2_timeout', `${where} does not answer`)))
  return promise.finally(() => {
    timer.cancel()
    socket.destroy()
  })
}

function failure(code: 'l2_error' | 'l2_timeout' | 'l2_unavailable', message: string, cause?: unknown) {
  return new CacheError(code, message, { tier: 'l2', retryable: true, cause })
}
