import { lateJoiner } from './late-joiner.ts'
import { overtakenBySet } from './overtaken-by-set.ts'
import { overtakenByWord } from './overtaken-by-word.ts'
import { restartWithinLease } from './restart-within-lease.ts'
import { type Provocation, type Races, randomRaces, type Scenario } from './scenario.ts'
import type { Workload } from './workload.ts'

// Rounds that wait for a server, or for Δ to pass.
const SLOW = 0.05

const off = { l1: 'off' } as const
// Its Δ is much shorter than a run, so that a run sees it end.
const none = { l1: 'none', maxStaleMs: 50 } as const
const bus = { l1: 'bus', maxStaleMs: 50 } as const
const given = { tags: 'given' } as const
const derived = { tags: 'derived' } as const
const everything = { calls: 'everything', tags: 'given' } as const
const overlapping = { writers: 2 } as const
// A lease lasts 1 to 2 s: whole seconds are all that Memcached knows. Loads last longer, and nobody renews it.
const longLoads = {
  leaseMs: 1_000,
  loadMsMax: 3_500,
  writeMsMax: 2_000,
  readers: 32,
  runMsMin: 8_000,
} as const
const threads = { threads: true, ...everything } as const
// A server is away for some 20 ms: loads begin before that and end after it.
const restarts = { breaking: 'restarts', loadMsMax: 80, ...overlapping } as const
const partitions = { servers: 3, keys: 12, breaking: 'partitions' } as const
const deaths = { servers: 3, keys: 12, breaking: 'deaths' } as const

const workloads: Readonly<Record<string, Partial<Workload>>> = {
  'L1 off, keys': { ...off, ...overlapping },
  'L1 off, tags': { ...off, ...given, ...overlapping },
  'L1 off, derived tags': { ...off, ...derived },
  'L1 off, every call': { ...off, ...everything },
  'L1 none, keys': { ...none, ...overlapping },
  'L1 none, derived tags': { ...none, ...derived },
  'L1 none, every call': { ...none, ...everything, stale: 'swr' },
  'bus, keys': { ...bus, ...overlapping },
  'bus, tags': { ...bus, ...given, ...overlapping },
  'bus, derived tags': { ...bus, ...derived },
  'bus, every call': { ...bus, ...everything, stale: 'swr' },
  'bus that dies and comes back, every call': {
    ...bus,
    ...everything,
    breaking: 'bus',
    readers: 2,
    keys: 64,
  },
  'leases lost under load, L1 off, every call': { ...off, ...everything, evicting: 'leases' },
  'lease under load, L1 off, keys': { ...off, ...overlapping, ...longLoads },
  'lease under load, stale while refreshing': { ...off, ...given, ...longLoads, ttlMs: 500, stale: 'swr' },
  'late replies of FILL': { ...off, ...everything, fillReplyMsMax: 14 },
  'expiring, stale while refreshing': { ...off, ...everything, ttlMs: 10, stale: 'swr' },
  'expiring, loads that fail': { ...off, keys: 2, ttlMs: 10, stale: 'if-error', loadsFailing: 0.7 },
  'server that evicts tags, L1 off': { ...off, ...given, ...overlapping, evicting: 'tags' },
  'server that evicts anything, L1 off': { ...off, ...everything, ...derived, evicting: 'anything' },
  'L2 away': { ...off, l2: 'away', nodes: 1, keys: 1, readers: 16, writeMsMax: 3 },
  'threads, L1 off, every call': { ...threads, ...off },
  'threads, L1 none, every call': { ...threads, ...none, stallMsMax: 5 },
  'threads, bus, every call, stalls': { ...threads, ...bus, stallMsMax: 60 },
  'restarts within a lease, keys': { ...off, ...restarts },
  'restarts within a lease, tags': { ...off, ...given, ...restarts },
  'restarts within a lease, L1 none, every call': { ...none, ...everything, ...restarts },
  'three servers, every call': { ...off, ...everything, servers: 3, keys: 12 },
  'three servers, one dies and comes back, keys': { ...off, ...deaths, ...overlapping },
  'three servers, one dies and comes back, tags': { ...off, ...given, ...deaths, ...overlapping },
  'three servers, one dies and comes back, every call': { ...none, ...everything, ...deaths },
  'three servers, one dies and comes back, bus': { ...bus, ...everything, ...deaths },
  'three servers, a node cut off, keys': { ...off, ...partitions, ...overlapping },
  'three servers and a gutter, a node cut off, keys': { ...off, ...partitions, ...overlapping, gutter: true },
  'three servers and a gutter, one dies and comes back, every call': {
    ...off,
    ...everything,
    ...deaths,
    gutter: true,
  },
  'three servers, a node cut off, every call': { ...none, ...everything, ...partitions },
}

const scenarios: readonly Scenario[] = [
  ...randomRaces(workloads),
  { name: 'directed: late joiner', run: lateJoiner },
  { name: 'directed: set overtakes an own READ', run: (run) => overtakenBySet('read', 'none', run) },
  { name: 'directed: set overtakes an own FILL', run: (run) => overtakenBySet('fill', 'none', run) },
  { name: 'directed: restart within a lease', readsShare: SLOW, run: restartWithinLease },
  { name: 'directed: word overtakes a READ', readsShare: SLOW, run: (run) => overtakenByWord('read', run) },
  { name: 'directed: word overtakes a FILL', readsShare: SLOW, run: (run) => overtakenByWord('fill', run) },
]

const provocations: readonly Provocation[] = [
  { mutation: 'F', scenario: 'L1 off, keys' },
  { mutation: 'J', scenario: 'L1 off, keys' },
  { mutation: 'J, late joiner', scenario: 'directed: late joiner' },
  { mutation: 'T', scenario: 'L1 off, tags' },
  { mutation: "T'", scenario: 'L1 off, derived tags' },
  { mutation: 'T, in the core', scenario: 'L1 off, tags' },
  { mutation: "T', in the core", scenario: 'L1 off, derived tags' },
  { mutation: 'P', scenario: 'directed: set overtakes an own READ' },
  { mutation: 'P', scenario: 'directed: set overtakes an own FILL' },
  { mutation: 'P', scenario: 'directed: word overtakes a READ' },
  { mutation: 'P', scenario: 'directed: word overtakes a FILL' },
  { mutation: 'U', scenario: 'server that evicts tags, L1 off' },
  { mutation: 'S', scenario: 'expiring, loads that fail' },
  { mutation: 'L', scenario: 'L2 away' },
  { mutation: 'C', scenario: 'directed: restart within a lease' },
  { mutation: 'Q, of a server', scenario: 'three servers, a node cut off, keys' },
  { mutation: 'deaf gutter', scenario: 'three servers and a gutter, a node cut off, keys' },
]

/** Memcached does not push: L1 is off, is told of nothing, or by a bus. Its servers come and go. */
export const memcachedRaces: Races = { scenarios, provocations }
