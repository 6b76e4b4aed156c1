import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createPlacement } from './create-placement.ts'
import { md5 } from './md5.ts'
import type { ListedServer, PlacementName } from './placement.ts'

/**
 * Made once by a C program that asked libmemcached 1.1.4 (Debian's libmemcached-dev) for memcached_generate_hash() of
 * each key, with the servers added in this order by memcached_server_add_with_weight() (or memcached_server_add()). One
 * character a key: the server's index in base 36.
 */
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('./testing/ketama-vectors.json', import.meta.url), 'utf8'),
)

interface Vectors {
  readonly sets: readonly {
    readonly name: string
    readonly behavior: 'KETAMA' | 'KETAMA_WEIGHTED'
    readonly servers: readonly (readonly [host: string, port: number, weight: number])[]
    readonly placed: string
  }[]
}

/** The keys of the vectors: plain ones, odd ones, and lengths around MD5's blocks. */
const KEYS = [
  ...Array.from({ length: 500 }, (_, i) => `key:${i}`),
  ...['a', '', 'two words', 'snow ☃', '🐘', 'line\r\nend'],
  ...Array.from({ length: 13 }, (_, i) => 'x'.repeat(54 + i)),
  ...Array.from({ length: 13 }, (_, i) => 'x'.repeat(118 + i)),
  'y'.repeat(1000),
]

const NAMES: readonly PlacementName[] = ['ketama', 'ketama-unweighted', 'rendezvous']

describe('keys are where libmemcached puts them', () => {
  for (const { name, behavior, servers, placed } of vectors.sets) {
    test(`${behavior}: ${name}`, () => {
      const listed = servers.map(([host, port, weight]) => ({ host, port, weight }))
      const placement = createPlacement(behavior === 'KETAMA' ? 'ketama-unweighted' : 'ketama', listed)
      expect(KEYS.map((key) => placement.serverOf(key).toString(36)).join('')).toBe(placed)
    })
  }
})

test('md5 is that of node:crypto, at every length', () => {
  for (let length = 0; length < 300; length++) {
    const text = 'ü☃x'.repeat(length).slice(0, length)
    const expected = createHash('md5').update(text).digest()
    expect([...md5(text)]).toEqual([0, 4, 8, 12].map((at) => expected.readUInt32LE(at)))
  }
})

function list(count: number, weightOf: (i: number) => number = () => 1): ListedServer[] {
  return Array.from({ length: count }, (_, i) => ({
    host: `10.2.0.${i + 1}`,
    port: 11211,
    weight: weightOf(i),
  }))
}

const MANY = Array.from({ length: 50_000 }, (_, i) => `user:${i * 7919}:profile`)

/** Each server's share of MANY over the share of its weight. */
function sharesOf(name: PlacementName, servers: readonly ListedServer[]): number[] {
  const placement = createPlacement(name, servers)
  const counts = servers.map(() => 0)
  for (const key of MANY) {
    const owner = placement.serverOf(key)
    counts[owner] = (counts[owner] ?? 0) + 1
  }
  const weights = servers.reduce((sum, { weight }) => sum + weight, 0)
  return counts.map((count, i) => (count / MANY.length) * (weights / (servers[i]?.weight ?? 1)))
}

// The spread of a ring is that of its points: 160 of them stray by 8 % (one sigma), 100 by 10 %.
const STRAYS: Readonly<Record<PlacementName, number>> = {
  ketama: 0.3,
  'ketama-unweighted': 0.4,
  rendezvous: 0.05,
}

test.each(['ketama', 'rendezvous'] as const)('%s gives each server the share of its weight', (name) => {
  const servers = list(5, (i) => i + 1)
  for (const share of sharesOf(name, servers)) {
    expect(share).toBeGreaterThan(1 - STRAYS[name])
    expect(share).toBeLessThan(1 + STRAYS[name])
  }
})

describe.each(NAMES)('%s', (name) => {
  test('gives each of ten equal servers its share', () => {
    for (const share of sharesOf(name, list(10))) {
      expect(share).toBeGreaterThan(1 - STRAYS[name])
      expect(share).toBeLessThan(1 + STRAYS[name])
    }
  })

  test('a server that joins takes keys, and no other key moves', () => {
    const [before, after] = [createPlacement(name, list(9)), createPlacement(name, list(10))]
    const moved = MANY.filter((key) => before.serverOf(key) !== after.serverOf(key))
    for (const key of moved) expect(after.serverOf(key)).toBe(9)
    expect(moved.length / MANY.length).toBeGreaterThan(0.1 * (1 - STRAYS[name]))
    expect(moved.length / MANY.length).toBeLessThan(0.1 * (1 + STRAYS[name]))
  })

  test('a server that leaves gives up its keys, and no other key moves', () => {
    const without = [...list(10).slice(0, 4), ...list(10).slice(5)]
    const [before, after] = [createPlacement(name, list(10)), createPlacement(name, without)]
    for (const key of MANY) {
      const was = before.serverOf(key)
      if (was !== 4) expect(after.serverOf(key)).toBe(was > 4 ? was - 1 : was)
    }
  })

  test('places by the servers, not by their order', () => {
    const servers = list(7)
    const turned = servers.toReversed()
    const [one, other] = [createPlacement(name, servers), createPlacement(name, turned)]
    for (const key of MANY.slice(0, 5_000))
      expect(turned[other.serverOf(key)]).toBe(servers[one.serverOf(key)])
  })
})
