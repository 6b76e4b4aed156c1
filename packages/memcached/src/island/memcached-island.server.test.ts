import {
  type FaultProxy,
  type MemcachedServer,
  type StartMemcachedOptions,
  type StoreHarness,
  startFaultProxy,
  startMemcached,
  storeConformance,
} from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FullMemory } from '../testing/full-memory.ts'
import { memcachedHarness } from '../testing/memcached-harness.ts'
import { parseMemcachedUrls } from '../url.ts'
import { MemcachedIsland } from './memcached-island.ts'

let server: MemcachedServer
let proxy: FaultProxy
let memory: FullMemory

function startServer(options: StartMemcachedOptions): void {
  beforeAll(async () => {
    server = await startMemcached(options)
    proxy = await startFaultProxy(server)
    memory = new FullMemory(server)
  })
  afterAll(async () => {
    await proxy.close()
    await server.stop()
  })
}

const island: StoreDefinition = {
  open: (environment) => {
    const [address] = parseMemcachedUrls(`memcached://127.0.0.1:${proxy.port}`)
    if (address === undefined) throw new Error('no address')
    return new MemcachedIsland(address, environment)
  },
}
const harness = memcachedHarness(
  () => server,
  () => proxy,
  () => island,
)
const needsFull = new Set(
  storeConformance(harness).flatMap(({ name, lacks }) => (lacks?.startsWith('setFull') ? [name] : [])),
)

/** The cases of these names; those that a Memcached cannot run are skipped, with the reason in their title. */
function testStore(used: StoreHarness, isMeant: (name: string) => boolean): void {
  for (const { name, rule, lacks, run } of storeConformance(used)) {
    if (!isMeant(name)) continue
    const title = `${rule}: ${name}`
    const isKnown = lacks === 'quarantinesWhenFull' || lacks?.split(', ')[0] === 'push'
    if (isKnown)
      test.skip(`${title} (lacks ${lacks}: ${MemcachedIsland.capabilities.lacks[lacks.split(',')[0] ?? '']})`)
    else {
      test(title, async () => {
        expect(lacks).toBeUndefined()
        await run()
      })
    }
  }
}

describe('a Memcached is a store', () => {
  startServer({ itemSizeMax: '8m', keepsData: true })
  testStore(harness, (name) => !needsFull.has(name))
})

describe('a Memcached that may not evict is a store while it is full', () => {
  startServer({ memoryMb: 2, whenFull: 'refuse', args: ['-n', '512', '-f', '4'] })
  testStore({ ...harness, setFull: (isFull) => memory.set(isFull) }, (name) => needsFull.has(name))
})
