/** A pool of real servers, each behind a proxy that can cut it off, as the store that the suite asks for. */
import {
  type FaultProxy,
  type MemcachedServer,
  type ServerName,
  type StoreHarness,
  startFaultProxy,
  startMemcached,
  storeConformance,
} from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandKey } from '../testing/memcached-harness.ts'
import { createPlacement } from './create-placement.ts'
import { nameInRing } from './island.ts'
import { staticList } from './list-source.ts'
import { memcachedPool } from './memcached-pool.ts'
import type { ListedServer } from './placement.ts'
import { ringEpoch, sortedServers } from './ring-epoch.ts'
import { addressOf } from './testing/address-of.ts'

/** Servers and the proxies before them, by which they are listed, in the order in which a pool has them. */
class Servers {
  servers: MemcachedServer[] = []
  proxies: FaultProxy[] = []

  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const server = await startMemcached({ keepsData: true, itemSizeMax: '8m' })
      this.servers.push(server)
      this.proxies.push(await startFaultProxy(server))
    }
    const order = this.proxies.map((_, i) => i).sort((a, b) => (this.#name(a) < this.#name(b) ? -1 : 1))
    this.servers = order.flatMap((i) => this.servers[i] ?? [])
    this.proxies = order.flatMap((i) => this.proxies[i] ?? [])
  }

  get listed(): readonly ListedServer[] {
    return sortedServers(this.proxies.map(({ port }) => ({ host: '127.0.0.1', port, weight: 1 })))
  }

  each(act: (server: MemcachedServer) => unknown): () => Promise<void> {
    return async () => void (await Promise.all(this.servers.map(act)))
  }

  /** A name as the servers have it, which is that of its ring. */
  key({ kind, namespace, name }: ServerName): readonly [text: string, flag: string] {
    const epoch = ringEpoch({ servers: this.listed, placement: 'ketama', gutter: [], version: undefined })
    return commandKey({ kind, namespace: nameInRing(epoch, namespace), name })
  }

  homeOf(key: string): MemcachedServer | undefined {
    return this.servers[createPlacement('ketama', this.listed).serverOf(key)]
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()))
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  #name(i: number): string {
    return `127.0.0.1:${this.proxies[i]?.port}`
  }
}

function harnessOf(servers: Servers, count: number): StoreHarness {
  const definition: StoreDefinition = {
    open: (environment) =>
      memcachedPool({
        source: staticList(servers.listed),
        placement: 'ketama',
        gutter: [],
        addressOf,
      }).open(environment),
  }
  return {
    definition,
    push: false,
    inParts: count > 1,
    evict: async (name) => {
      const [key, flag] = servers.key(name)
      await servers.each((server) => server.cli(`md ${key}${flag}`))()
    },
    plant: async (namespace, key, bytes) => {
      const [text, flag] = servers.key({ kind: 'value', namespace, name: key })
      const value = Buffer.from(bytes).toString('latin1')
      await servers.homeOf(key)?.cli(`ms ${text} ${bytes.length}${flag}\r\n${value}`)
    },
    flush: servers.each((server) => server.cli('flush_all')),
    cut: async () => {
      for (const proxy of servers.proxies) proxy.cut()
    },
    stall: servers.each((server) => server.pause()),
    resume: servers.each((server) => server.resume()),
    restart: async () => {
      // All of them are away for a while: else the store as a whole is not.
      for (const proxy of servers.proxies) {
        proxy.inject({ refuse: true })
        proxy.cut()
      }
      await servers.each((server) => server.restartWithData())()
      for (const proxy of servers.proxies) proxy.heal()
    },
    losePart: async (part) => {
      servers.proxies[part]?.inject({ refuse: true })
      servers.proxies[part]?.cut()
    },
    regainParts: async () => {
      for (const proxy of servers.proxies) proxy.heal()
    },
  }
}

// Memory that is full is each server's own business: island/memcached-island.server.test.ts.
const NOT_MEANT = ['push', 'setFull', 'quarantinesWhenFull']
// They wait for seconds of Memcached's clock, and a pool has no part in them; they run there, too.
const SLOW = [
  'a lease that was not renewed ends by itself, and its token is worth nothing',
  'a renewed lease outlives its first term',
]

describe.each([1, 3])('a pool of %d is a store', (count) => {
  const servers = new Servers()
  beforeAll(() => servers.start(count))
  afterAll(() => servers.stop())

  for (const { name, rule, lacks, run } of storeConformance(harnessOf(servers, count))) {
    if (lacks?.split(', ').every((need) => NOT_MEANT.includes(need)) || SLOW.includes(name)) continue
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})
