import { type RedisServer, startRedis } from '@holdfast/testkit'
import { pause } from '../clock.ts'
import type { Held, MeteredServer } from './metered-server.ts'

const TTL_MS = 600_000
const ASKED_AT_ONCE = 500
// A table that has grown is moved by and by, and the old one given back at the end. Two looks this far apart tell.
const LOOK_MS = 200
const LOOKS_MAX = 100
const STANDS_STILL_BYTES = 1024
const TRACKED_KEYS_MAX = 1_000_000

/**
 * A Redis of a row's own. Memory is `used_memory`, without the buffers of its clients; an item is what `MEMORY USAGE` says
 * of its key, without its places in the tables of keys and of expiries. What it tracks for pushes is told apart.
 */
export async function startMeteredRedis(): Promise<MeteredServer> {
  const server = await startRedis()
  return {
    url: server.url,
    set: async (key, text) => void (await server.cli('SET', key, text, 'PX', TTL_MS)),
    held: () => heldBy(server),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

async function heldBy(server: RedisServer): Promise<Held> {
  const tracking = await settledBytes(server)
  await server.cli('CONFIG', 'SET', 'tracking-table-max-keys', 1)
  const memoryBytes = await settledBytes(server)
  await server.cli('CONFIG', 'SET', 'tracking-table-max-keys', TRACKED_KEYS_MAX)
  const names = await server.cli('KEYS', '*')
  if (!Array.isArray(names)) throw new Error('KEYS answered no list')
  let itemBytes = 0
  for (let i = 0; i < names.length; i += ASKED_AT_ONCE) {
    const asked = names.slice(i, i + ASKED_AT_ONCE)
    const told = await Promise.all(asked.map((name) => server.cli('MEMORY', 'USAGE', String(name))))
    for (const bytes of told) itemBytes += Number(bytes)
  }
  return { entries: names.length, memoryBytes, itemBytes, tellingBytes: tracking - memoryBytes }
}

async function settledBytes(server: RedisServer): Promise<number> {
  let last = Number.NaN
  for (let look = 0; look < LOOKS_MAX; look++) {
    const { used_memory: all, mem_clients_normal: ofClients } = await server.info('memory')
    const bytes = Number(all) - Number(ofClients)
    if (Math.abs(bytes - last) <= STANDS_STILL_BYTES) return bytes
    last = bytes
    await pause(LOOK_MS)
  }
  throw new Error('the memory of the server does not stand still')
}
