import { CacheError, type Clock, type ServerState, type Timer } from '../contracts.ts'

/** Hears that a server is lost, or was not reached in the first place, and then that it is used again. Does not throw. */
export type NewsOfServers = (what: 'l2.lost' | 'l2.back', address: string, error?: CacheError) => void

/** Tells that a server is lost, and that it is used again: once each. One that is new is given time to be reached. */
export class ServerNews {
  readonly #clock: Clock
  readonly #reachedInMs: number
  readonly #news: NewsOfServers
  readonly #servers: () => readonly ServerState[]
  /** What was told of those of the last list; a number: nothing, and it was seen first then. */
  #known = new Map<string, number | 'used' | 'lost'>()
  #again: Timer | undefined

  /** `servers` answers how they stand. */
  constructor(clock: Clock, reachedInMs: number, news: NewsOfServers, servers: () => readonly ServerState[]) {
    this.#clock = clock
    this.#reachedInMs = reachedInMs
    this.#news = news
    this.#servers = servers
  }

  /** Some may stand otherwise. */
  look(): void {
    const now = this.#clock.now()
    const servers = this.#servers()
    const before = this.#known
    // L2 that is left alone for a while says nothing of its servers: they are remembered.
    this.#known = new Map(servers.length > 1 ? [] : before)
    for (const server of servers) {
      const { address } = server
      this.#known.set(address, this.#judge(server, before.get(address) ?? now, now))
    }
  }

  close(): void {
    this.#again?.cancel()
  }

  #judge({ address, state, cause }: ServerState, was: number | 'used' | 'lost', now: number): typeof was {
    if (state === 'used') {
      if (was === 'lost') this.#news('l2.back', address)
      return state
    }
    if (state !== 'away' || was === 'lost') return was
    const leftMs = was === 'used' ? 0 : was + this.#reachedInMs - now
    if (leftMs <= 0) {
      this.#news('l2.lost', address, notUsed(address, cause))
      return 'lost'
    }
    this.#again ??= this.#clock.after(leftMs, () => {
      this.#again = undefined
      this.look()
    })
    return was
  }
}

function notUsed(address: string, cause: Error | undefined): CacheError {
  const why = cause === undefined ? '' : ` (${cause.message})`
  return new CacheError('l2_unavailable', `${address} is not used${why}`, {
    tier: 'l2',
    retryable: true,
    cause,
  })
}
