import {
  type FaultProxy,
  freePort,
  hostNow,
  type MemcachedServer,
  type RedisServer,
  startFaultProxy,
  startMemcached,
  startRedis,
} from '@holdfast/testkit'
import { pause } from './clock.ts'
import type { Dice } from './dice.ts'
import { evictFrom } from './memcached-evictions.ts'
import type { SharedTier, TierPlace } from './shared-tier.ts'
import type { Workload } from './workload.ts'

type MemcachedPlace = Extract<TierPlace, { readonly store: 'memcached' }>

/** A server, and the way to it by which a node is cut off. */
interface Member {
  readonly server: MemcachedServer
  readonly proxy: FaultProxy
}

// Most that a workload asks for, and one that stands in.
const SERVERS = 3
const EVICT_MS_MAX = 5
// Between two troubles: loads that began before one fill after it.
const WELL_MS_MAX = 60
// And time for L1 to be used again.
const BUS_WELL_MS_MAX = 200
// Of a server that is killed: until its connections are lost, to well beyond.
const DEAD_MS_MAX = 150
// Of one that is not reached: until calls have waited in vain for it, and what it was not told is owed to it.
const CUT_OFF_MS_MAX = 500

/** Three Memcached servers, of which a workload uses the first ones, one that is a gutter, and a Redis that is a bus. */
export class MemcachedTier implements SharedTier {
  readonly #members: readonly Member[]
  readonly #bus: RedisServer

  private constructor(members: readonly Member[], bus: RedisServer) {
    this.#members = members
    this.#bus = bus
  }

  static async start(): Promise<MemcachedTier> {
    const members = Array.from({ length: SERVERS + 1 }, async () => {
      const server = await startMemcached()
      return { server, proxy: await startFaultProxy(server) }
    })
    return new MemcachedTier(await Promise.all(members), await startRedis())
  }

  async placeFor(workload: Workload): Promise<MemcachedPlace> {
    const isAway = workload.l2 === 'away'
    const urls = isAway
      ? [`memcached://127.0.0.1:${await freePort()}`]
      : this.#used(workload).map(({ server }) => server.url)
    const gutter = workload.gutter ? this.#members.slice(SERVERS).map(({ server }) => server.url) : []
    return { store: 'memcached', urls, gutter, detours: {}, busUrl: this.#bus.url }
  }

  async placeOfCutOff(workload: Workload): Promise<MemcachedPlace> {
    const detours = this.#used(workload).map(({ server, proxy }) => [server.port, proxy.port] as const)
    return { ...(await this.placeFor(workload)), detours: Object.fromEntries(detours) }
  }

  async empty(): Promise<void> {
    await Promise.all(this.#members.map(({ server }) => server.cli('flush_all')))
  }

  async restart(): Promise<void> {
    await Promise.all(this.#members.map(({ server }) => server.restart()))
  }

  async befall(workload: Workload, dice: Dice, untilMs: number): Promise<void> {
    await Promise.all([this.#evict(workload, dice, untilMs), this.#break(workload, dice, untilMs)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ proxy }) => proxy.close()))
    await Promise.all(
      [this.#bus, ...this.#members.map(({ server }) => server)].map((server) => server.stop()),
    )
  }

  #used({ servers }: Workload): readonly Member[] {
    return this.#members.slice(0, servers)
  }

  async #evict(workload: Workload, dice: Dice, untilMs: number): Promise<void> {
    const { evicting } = workload
    if (evicting === 'nothing') return
    while (hostNow() < untilMs) {
      for (const { server } of this.#used(workload)) await evictFrom(server, evicting, dice)
      await pause(dice.upTo(EVICT_MS_MAX))
    }
  }

  async #break(workload: Workload, dice: Dice, untilMs: number): Promise<void> {
    const { breaking } = workload
    if (breaking === 'nothing') return
    const members = this.#used(workload)
    while (hostNow() < untilMs) {
      await pause(dice.upTo(breaking === 'bus' ? BUS_WELL_MS_MAX : WELL_MS_MAX))
      const member = members[dice.upTo(members.length - 1)]
      if (member === undefined) return
      if (breaking === 'bus') await restart(this.#bus, dice.upTo(DEAD_MS_MAX))
      else if (breaking === 'partitions') await partition(member.proxy, dice)
      else await restart(member.server, breaking === 'deaths' ? dice.upTo(DEAD_MS_MAX) : 0)
    }
  }
}

async function restart(server: MemcachedServer | RedisServer, awayMs: number): Promise<void> {
  await server.kill()
  await pause(awayMs)
  await server.restart()
}

/** Nothing arrives, or every connection is reset. */
async function partition(proxy: FaultProxy, dice: Dice): Promise<void> {
  if (dice.chance(0.5)) proxy.inject({ blackhole: true })
  else {
    proxy.inject({ refuse: true })
    proxy.cut()
  }
  await pause(dice.upTo(CUT_OFF_MS_MAX))
  proxy.heal()
}
