import { lateJoiner } from './late-joiner.ts'
import { overtakenBySet } from './overtaken-by-set.ts'
import { type Provocation, type Races, randomRaces, type Scenario } from './scenario.ts'
import { sharedChunk } from './shared-chunk.ts'
import type { Workload } from './workload.ts'

const strong = { l1: 'strong' } as const
const off = { l1: 'off' } as const
const given = { tags: 'given' } as const
const derived = { tags: 'derived' } as const
const everything = { calls: 'everything', tags: 'given' } as const
const overlapping = { writers: 2 } as const
// Shorter than most loads.
const shortLease = { leaseMs: 6 } as const
const threads = { threads: true, ...everything } as const

const workloads: Readonly<Record<string, Partial<Workload>>> = {
  'tracked, keys': overlapping,
  'tracked, tags': { ...given, ...overlapping },
  'tracked, derived tags': derived,
  'tracked, every call': { ...everything, stale: 'swr' },
  'tracked, Δ 50 ms, stalls': { maxStaleMs: 50, stallMsMax: 60, ...everything },
  'strong, keys': { ...strong, ...overlapping },
  'strong, keys, stalls': { ...strong, ...overlapping, stallMsMax: 5 },
  'strong, tags': { ...strong, ...given, ...overlapping },
  'strong, every call': { ...strong, ...everything },
  'L1 off, keys': { ...off, ...overlapping },
  'L1 off, tags': { ...off, ...given, ...overlapping },
  'L1 off, derived tags': { ...off, ...derived },
  'L1 off, every call': { ...off, ...everything },
  'lease under load, tracked, keys': { ...shortLease, ...overlapping },
  'lease under load, strong, tags': { ...shortLease, ...strong, ...given },
  'lease under load, L1 off, every call': { ...shortLease, ...off, ...everything },
  'late replies of FILL': { ...off, ...everything, fillReplyMsMax: 14 },
  'expiring, stale while refreshing': { ...off, ...everything, ttlMs: 10, stale: 'swr' },
  'expiring, loads that fail': { ...off, keys: 2, ttlMs: 10, stale: 'if-error', loadsFailing: 0.7 },
  'server that evicts tags, L1 off': { ...off, ...given, ...overlapping, evicting: 'tags' },
  'server that evicts anything, tracked': { ...everything, ...derived, evicting: 'anything' },
  'L2 away': { ...off, l2: 'away', nodes: 1, keys: 1, readers: 16, writeMsMax: 3 },
  'threads, tracked, every call': { ...threads, stallMsMax: 5 },
  'threads, strong, every call': { ...threads, ...strong, stallMsMax: 5 },
  'threads, L1 off, every call': { ...threads, ...off },
}

const scenarios: readonly Scenario[] = [
  ...randomRaces(workloads),
  { name: 'directed: late joiner', run: lateJoiner },
  { name: 'directed: reply and push in one chunk', run: sharedChunk },
  { name: 'directed: set overtakes an own READ', run: (run) => overtakenBySet('read', 'tracked', run) },
  { name: 'directed: set overtakes an own FILL', run: (run) => overtakenBySet('fill', 'tracked', run) },
]

const provocations: readonly Provocation[] = [
  { mutation: 'F', scenario: 'L1 off, keys' },
  { mutation: 'J', scenario: 'L1 off, keys' },
  { mutation: 'J, late joiner', scenario: 'directed: late joiner' },
  { mutation: 'T', scenario: 'L1 off, tags' },
  { mutation: "T'", scenario: 'L1 off, derived tags' },
  { mutation: 'T, in the core', scenario: 'L1 off, tags' },
  { mutation: "T', in the core", scenario: 'L1 off, derived tags' },
  { mutation: 'P, awaited replies', scenario: 'directed: reply and push in one chunk' },
  { mutation: 'P', scenario: 'directed: set overtakes an own READ' },
  { mutation: 'P', scenario: 'directed: set overtakes an own FILL' },
  { mutation: 'P', scenario: 'strong, keys, stalls' },
  { mutation: 'P, late pushes', scenario: 'strong, keys' },
  { mutation: 'U', scenario: 'server that evicts tags, L1 off' },
  { mutation: 'S', scenario: 'expiring, loads that fail' },
  { mutation: 'L', scenario: 'L2 away' },
]

/** Redis pushes: its races are those of L1 'tracked' and 'strong' above all. */
export const redisRaces: Races = { scenarios, provocations }
