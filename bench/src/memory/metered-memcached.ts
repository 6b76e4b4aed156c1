import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import type { Held, MeteredServer } from './metered-server.ts'

const TTL_SECONDS = 600
// More than a row stores.
const MEMORY_MB = 1024

/**
 * A Memcached of a row's own. Memory is the chunks in use of all slab classes (`stats slabs`), which `-m` bounds; an item
 * is what `bytes` of `stats` counts: its header, key and value. The table of keys is in neither.
 */
export async function startMeteredMemcached(): Promise<MeteredServer> {
  const server = await startMemcached({ memoryMb: MEMORY_MB })
  return {
    url: server.url,
    set: async (key, text) => {
      const reply = await server.cli(`ms ${key} ${text.length} T${TTL_SECONDS}\r\n${text}`)
      if (reply !== 'HD') throw new Error(`${key} was not stored: ${reply}`)
    },
    held: () => heldBy(server),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Of the Memcached that rows start; undefined: there is none here, and they will say so. */
export async function memcachedVersion(): Promise<string | undefined> {
  try {
    await using server = await startMemcached()
    return (await server.stats()).version
  } catch {
    return undefined
  }
}

async function heldBy(server: MemcachedServer): Promise<Held> {
  const { curr_items: items, bytes, evictions } = await server.stats()
  if (evictions !== '0') throw new Error(`${evictions} entries were evicted`)
  const slabs = await server.stats('slabs')
  let memoryBytes = 0
  for (const [name, chunks] of Object.entries(slabs)) {
    const [, slabClass] = /^(\d+):used_chunks$/.exec(name) ?? []
    if (slabClass !== undefined) memoryBytes += Number(chunks) * Number(slabs[`${slabClass}:chunk_size`])
  }
  return { entries: Number(items), memoryBytes, itemBytes: Number(bytes), tellingBytes: 0 }
}
