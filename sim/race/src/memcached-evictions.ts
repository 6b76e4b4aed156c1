import type { MemcachedServer } from '@holdfast/testkit'
import type { Dice } from './dice.ts'
import type { Workload } from './workload.ts'

// An item without a value, without the name's own bytes: what the server adds to each.
const STUB_BYTES_MAX = 68

interface Item {
  readonly name: string
  /** Of the item, with name and overhead. */
  readonly bytes: number
}

/** Takes from a server what one that is full may lose. Kinds of names: docs/wire/memcached.md. */
export async function evictFrom(
  server: MemcachedServer,
  what: Exclude<Workload['evicting'], 'nothing'>,
  dice: Dice,
): Promise<void> {
  const items = await itemsOf(server)
  for (const { name } of chosen(items, what, dice)) await server.cli(`md ${name}`)
}

function chosen(items: readonly Item[], what: 'anything' | 'tags' | 'leases', dice: Dice): readonly Item[] {
  if (what === 'tags') return items.filter(({ name }) => name.startsWith('t:'))
  if (what === 'leases') return items.filter(isLease)
  const one = items[dice.upTo(items.length - 1)]
  return one === undefined ? [] : [one]
}

function isLease({ name, bytes }: Item): boolean {
  return name.startsWith('v:') && bytes - name.length <= STUB_BYTES_MAX
}

/** Whoever else makes the server list its items makes this list empty. */
async function itemsOf(server: MemcachedServer): Promise<readonly Item[]> {
  const list = await server.cli('lru_crawler metadump all')
  return list.split('\n').flatMap((line) => {
    const [, name, bytes] = /^key=(\S+) .* size=(\d+)/.exec(line) ?? []
    return name === undefined ? [] : [{ name: decodeURIComponent(name), bytes: Number(bytes) }]
  })
}
