import { freePort, hostNow, type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { pause } from './clock.ts'
import type { Dice } from './dice.ts'
import { evictFrom } from './memcached-evictions.ts'
import type { SharedTier, TierPlace } from './shared-tier.ts'
import type { Workload } from './workload.ts'

// Most that a workload asks for.
const SERVERS = 3
const EVICT_MS_MAX = 5
// Between two restarts: loads that began before one fill after it.
const UP_MS_MAX = 60
// Of a server that is killed: until its connections are lost, to well beyond.
const DEAD_MS_MAX = 150

/** Three Memcached servers, of which a workload uses the first ones. */
export class MemcachedTier implements SharedTier {
  readonly #servers: readonly MemcachedServer[]

  private constructor(servers: readonly MemcachedServer[]) {
    this.#servers = servers
  }

  static async start(): Promise<MemcachedTier> {
    return new MemcachedTier(await Promise.all(Array.from({ length: SERVERS }, () => startMemcached())))
  }

  async placeFor(workload: Workload): Promise<TierPlace> {
    if (workload.l2 === 'away')
      return { store: 'memcached', urls: [`memcached://127.0.0.1:${await freePort()}`] }
    return { store: 'memcached', urls: this.#used(workload).map(({ url }) => url) }
  }

  /** Started anew: whatever a server numbers, it numbers from the beginning. */
  async empty(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.restart()))
  }

  async befall(workload: Workload, dice: Dice, untilMs: number): Promise<void> {
    await Promise.all([this.#evict(workload, dice, untilMs), this.#break(workload, dice, untilMs)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()))
  }

  #used({ servers }: Workload): readonly MemcachedServer[] {
    return this.#servers.slice(0, servers)
  }

  async #evict(workload: Workload, dice: Dice, untilMs: number): Promise<void> {
    const { evicting } = workload
    if (evicting === 'nothing') return
    while (hostNow() < untilMs) {
      for (const server of this.#used(workload)) await evictFrom(server, evicting, dice)
      await pause(dice.upTo(EVICT_MS_MAX))
    }
  }

  async #break(workload: Workload, dice: Dice, untilMs: number): Promise<void> {
    if (workload.breaking === 'nothing') return
    const servers = this.#used(workload)
    while (hostNow() < untilMs) {
      await pause(dice.upTo(UP_MS_MAX))
      const server = servers[dice.upTo(servers.length - 1)]
      await server?.kill()
      if (workload.breaking === 'deaths') await pause(dice.upTo(DEAD_MS_MAX))
      await server?.restart()
    }
  }
}
