import { freePort, hostNow, type RedisServer, startRedis } from '@holdfast/testkit'
import { pause } from './clock.ts'
import type { Dice } from './dice.ts'
import type { SharedTier, TierPlace } from './shared-tier.ts'
import type { Workload } from './workload.ts'

// What an eviction policy does to a server that is full, faster. Names of tags: docs/wire/redis.md.
const EVICTIONS = {
  leases: "for _, name in ipairs(redis.call('KEYS', 'l:*')) do redis.call('DEL', name) end",
  anything: "local name = redis.call('RANDOMKEY') if name then redis.call('DEL', name) end",
  tags: "for _, name in ipairs(redis.call('KEYS', 't:*')) do redis.call('DEL', name) end",
} as const
const EVICT_MS_MAX = 5

/** One Redis. */
export class RedisTier implements SharedTier {
  readonly #server: RedisServer

  private constructor(server: RedisServer) {
    this.#server = server
  }

  static async start(): Promise<RedisTier> {
    return new RedisTier(await startRedis())
  }

  async placeFor({ l2 }: Workload): Promise<TierPlace> {
    const url = l2 === 'away' ? `redis://127.0.0.1:${await freePort()}` : this.#server.url
    return { store: 'redis', url }
  }

  async empty(): Promise<void> {
    await this.#server.cli('FLUSHALL')
  }

  restart(): Promise<void> {
    return this.#server.restart()
  }

  async befall({ evicting }: Workload, dice: Dice, untilMs: number): Promise<void> {
    if (evicting === 'nothing') return
    while (hostNow() < untilMs) {
      await this.#server.cli('EVAL', EVICTIONS[evicting], 0)
      await pause(dice.upTo(EVICT_MS_MAX))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.stop()
  }
}
