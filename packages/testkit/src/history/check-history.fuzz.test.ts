import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Anomaly } from './anomaly.ts'
import { type CheckHistoryOptions, checkHistory } from './check-history.ts'
import type { HistoryEvent, ReadEvent } from './history-event.ts'
import { naiveCheck } from './testing/naive-check.ts'
import { TinyCache, type TinyRun } from './testing/tiny-cache.ts'

const DELTA_MS = 40
const INITIAL = 0
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })

function runOf(seed: number, deltaMs = 0): TinyRun {
  return new TinyCache(seed, deltaMs).run(60)
}

describe('histories of a correct cache', () => {
  test('have no violation, with immediate and with delayed pushes', () => {
    const run = (seed: number, isDelayed: boolean): void => {
      const { events, sweep } = runOf(seed, isDelayed ? DELTA_MS : 0)
      const report = checkHistory(events, {
        sweep,
        deadlineMs: 10_000,
        ...(isDelayed && { deltaMs: DELTA_MS }),
      })
      expect(report.violations).toEqual([])
    }
    fc.assert(fc.property(seeds, fc.boolean(), run), { numRuns: 400 })
  })

  test('have none in another order of events, nor on a clock too coarse to tell neighbours apart', () => {
    const run = (seed: number, grain: number): void => {
      const { events, sweep } = runOf(seed)
      const coarse = (ms: number): number => Math.floor(ms / grain)
      const blurred = [...events].reverse().map((event) => blur(event, coarse))
      expect(checkHistory(blurred, { sweep: sweep.map((read) => blur(read, coarse)) }).violations).toEqual([])
    }
    fc.assert(fc.property(seeds, fc.integer({ min: 1, max: 30 }), run), { numRuns: 200 })
  })

  test('with delayed pushes, checked without their bound, have stale reads: the generator overlaps enough', () => {
    const found = Array.from({ length: 40 }, (_, seed) => checkHistory(runOf(seed, DELTA_MS).events).counts)
    expect(found.filter((counts) => counts.has('A1')).length).toBeGreaterThan(10)
  })
})

function blur<E extends HistoryEvent>(event: E, coarse: (ms: number) => number): E {
  const moments = { startMs: coarse(event.startMs), endMs: coarse(event.endMs) }
  if (event.kind !== 'load') return { ...event, ...moments }
  const { grantedMs = event.startMs, leasedUntilMs = event.endMs } = event
  return { ...event, ...moments, grantedMs: coarse(grantedMs), leasedUntilMs: coarse(leasedUntilMs) }
}

/** A broken history, and what must be said of it. Undefined: this history offers no place to break it so. */
interface Mutant {
  readonly events: readonly HistoryEvent[]
  readonly culprit: HistoryEvent
  readonly options?: CheckHistoryOptions
}

type Mutate = (run: TinyRun, pick: Pick) => Mutant | undefined
type Pick = <T>(items: readonly T[]) => T | undefined
type Of<K extends HistoryEvent['kind']> = Extract<HistoryEvent, { readonly kind: K }>

function ofKind<K extends HistoryEvent['kind']>(run: TinyRun, kind: K): Of<K>[] {
  return run.events.filter((event): event is Of<K> => event.kind === kind)
}

/** A key's hard, acknowledged invalidation that follows a commit, so that the initial version is stale after it. */
function fencing(
  run: TinyRun,
  pick: Pick,
): { key: string; tags: readonly string[]; ack: Of<'invalidate'> } | undefined {
  const commits = ofKind(run, 'commit')
  const found = ofKind(run, 'invalidate').flatMap((ack) => {
    if (ack.result !== 'applied' || ack.soft) return []
    const hidden = commits.filter(
      ({ key, tags = [], endMs }) =>
        endMs < ack.startMs &&
        (ack.keys?.includes(key) || ack.tags?.some((tag) => tags.includes(tag)) || ack.everything),
    )
    return hidden.map(({ key, tags = [] }) => ({ key, tags, ack }))
  })
  return pick(found)
}

function staleRead(
  run: TinyRun,
  pick: Pick,
  change: Partial<ReadEvent> & { readonly afterMs?: number },
): ReadEvent | undefined {
  const found = fencing(run, pick)
  if (found === undefined) return undefined
  const { afterMs = 0.25, ...rest } = change
  const startMs = found.ack.endMs + afterMs
  const { key, tags } = found
  return {
    kind: 'read',
    process: 'd',
    key,
    tags,
    startMs,
    endMs: startMs + 0.25,
    source: 'l2',
    version: INITIAL,
    ...rest,
  }
}

function injected(
  run: TinyRun,
  culprit: HistoryEvent | undefined,
  options?: CheckHistoryOptions,
): Mutant | undefined {
  if (culprit === undefined) return undefined
  return { events: [...run.events, culprit], culprit, ...(options && { options }) }
}

function replaced<E extends HistoryEvent>(
  run: TinyRun,
  old: E | undefined,
  change: Partial<E>,
): Mutant | undefined {
  if (old === undefined) return undefined
  const culprit = { ...old, ...change }
  return { events: run.events.map((event) => (event === old ? culprit : event)), culprit }
}

/** Reads of a tier whose version no set wrote. */
function tierReads(run: TinyRun): Of<'read'>[] {
  const set = new Set(ofKind(run, 'set').map(({ key, version }) => `${key} ${version}`))
  return ofKind(run, 'read').filter(
    ({ key, version = INITIAL, source }) =>
      (source === 'l1' || source === 'l2') && version > INITIAL && !set.has(`${key} ${version}`),
  )
}

function grantOf(run: TinyRun, fill: Of<'fill'>): number | undefined {
  return ofKind(run, 'load').find((load) => load.token === fill.token)?.grantedMs
}

const mutants: readonly (readonly [string, Anomaly, Mutate])[] = [
  [
    'an L2 read of the initial version after an acknowledged invalidation',
    'A1',
    (run, pick) => injected(run, staleRead(run, pick, {})),
  ],
  [
    'an L1 hit, where no bound allows one',
    'A1',
    (run, pick) => injected(run, staleRead(run, pick, { source: 'l1' })),
  ],
  ['a joined old load', 'A1', (run, pick) => injected(run, staleRead(run, pick, { source: 'loader' }))],
  [
    'a stale answer after a hard invalidation',
    'A1',
    (run, pick) => injected(run, staleRead(run, pick, { source: 'stale' })),
  ],
  [
    'an L2 read within the bound of L1',
    'A1',
    (run, pick) => injected(run, staleRead(run, pick, {}), { deltaMs: 1_000 }),
  ],
  [
    'an L1 hit beyond the bound',
    'A8',
    (run, pick) =>
      injected(run, staleRead(run, pick, { source: 'l1', afterMs: DELTA_MS + 1 }), { deltaMs: DELTA_MS }),
  ],
  [
    'a key left stale in a tier',
    'A2',
    (run, pick) => {
      const culprit = staleRead(run, pick, { afterMs: 1e6, source: 'l1' })
      return (
        culprit && {
          events: run.events,
          culprit,
          options: { sweep: [...run.sweep, culprit], deltaMs: DELTA_MS },
        }
      )
    },
  ],
  [
    'an older version after one that the process had read',
    'A3',
    (run, pick) => {
      const read = pick(tierReads(run))
      return injected(
        run,
        read && { ...read, startMs: read.endMs + 0.25, endMs: read.endMs + 0.5, version: INITIAL },
      )
    },
  ],
  [
    'an L1 hit, within the bound, that is older than the own write',
    'A4',
    (run, pick) => {
      const found = fencing(run, pick)
      if (found === undefined) return undefined
      const { key, ack } = found
      const [startMs, endMs] = [ack.endMs + 0.25, ack.endMs + 0.5]
      const { process } = ack
      return injected(
        run,
        { kind: 'read', process, key, startMs, endMs, source: 'l1', version: INITIAL },
        { deltaMs: DELTA_MS },
      )
    },
  ],
  [
    'an old value after an own invalidation that is only queued',
    'A4',
    (run, pick) => {
      const found = fencing(run, pick)
      if (found === undefined) return undefined
      const { key, ack } = found
      const [startMs, endMs] = [ack.endMs + 0.25, ack.endMs + 0.5]
      const read: ReadEvent = {
        kind: 'read',
        process: ack.process,
        key,
        startMs,
        endMs,
        source: 'l2',
        version: INITIAL,
      }
      const events = run.events.map((event) =>
        event === ack ? { ...ack, result: 'queued' as const } : event,
      )
      return { events: [...events, read], culprit: read }
    },
  ],
  [
    'a lease that fills twice',
    'A5',
    (run, pick) => {
      const fill = pick(ofKind(run, 'fill').filter(({ result }) => result === 'stored'))
      return injected(run, fill && { ...fill, startMs: fill.endMs + 1, endMs: fill.endMs + 2 })
    },
  ],
  [
    'a second lease while the first is live',
    'A6',
    (run, pick) => {
      const undisturbed = ofKind(run, 'load').filter(
        ({ grantedMs = 0, startMs, endMs, leasedUntilMs = 0 }) => {
          const isLive = Math.min(endMs, leasedUntilMs) > grantedMs + 0.5
          const mayVoid = run.events.some(
            (event) =>
              (event.kind === 'invalidate' || event.kind === 'set') &&
              event.startMs < grantedMs + 1 &&
              (event.endMs >= startMs ||
                event.result === 'queued' ||
                event.result === 'unknown' ||
                event.result === 'older'),
          )
          return isLive && !mayVoid
        },
      )
      const load = pick(undisturbed)
      if (load?.grantedMs === undefined) return undefined
      const [startMs, grantedMs] = [load.grantedMs + 0.1, load.grantedMs + 0.2]
      return injected(run, { ...load, process: 'd', token: 'rival', startMs, grantedMs })
    },
  ],
  [
    'a fill that was refused after a delete, accepted',
    'A7',
    (run, pick) => {
      const refused = ofKind(run, 'fill').filter((fill) => {
        const grantedMs = grantOf(run, fill)
        return (
          fill.result === 'refused' &&
          grantedMs !== undefined &&
          ofKind(run, 'invalidate').some(
            ({ keys, result, startMs, endMs }) =>
              keys?.includes(fill.key) && result === 'applied' && startMs > grantedMs && endMs < fill.startMs,
          )
        )
      })
      return replaced(run, pick(refused), { result: 'stored' })
    },
  ],
  [
    'a delete between lease and fill',
    'A7',
    (run, pick) => {
      const fill = pick(ofKind(run, 'fill').filter(({ result }) => result === 'stored'))
      const grantedMs = fill && grantOf(run, fill)
      if (fill === undefined || grantedMs === undefined) return undefined
      const [startMs, endMs] = [grantedMs + 0.1, grantedMs + 0.2]
      const voiding = {
        kind: 'invalidate',
        process: 'd',
        keys: [fill.key],
        startMs,
        endMs,
        result: 'applied',
      } as const
      return { events: [...run.events, voiding], culprit: fill }
    },
  ],
  [
    'a version that another process finds in L2 after a newer one',
    'A9',
    (run, pick) => {
      const read = pick(tierReads(run).filter(({ source }) => source === 'l2'))
      const again = read && {
        startMs: read.endMs + 0.25,
        endMs: read.endMs + 0.5,
        version: INITIAL,
        process: 'd',
      }
      return injected(run, again && { ...read, ...again })
    },
  ],
  [
    'a value of another key',
    'A10',
    (run, pick) => replaced(run, pick(ofKind(run, 'read')), { valueKey: 'k9' }),
  ],
  [
    'a value that nobody wrote',
    'A10',
    (run, pick) => {
      const key = pick(ofKind(run, 'commit'))?.key
      return replaced(run, pick(ofKind(run, 'read').filter((read) => read.key === key)), { version: 1e6 })
    },
  ],
  [
    'a value before it was written',
    'A10',
    (run, pick) => {
      const commit = pick(ofKind(run, 'commit').filter(({ version }) => version > 1))
      const early = commit && { startMs: commit.startMs - 0.5, endMs: commit.startMs - 0.25, process: 'd' }
      return injected(run, early && { kind: 'read', key: commit.key, version: commit.version, ...early })
    },
  ],
  [
    'a read that never ends',
    'A12',
    (run, pick) => replaced(run, pick(ofKind(run, 'read')), { result: 'unfinished' }),
  ],
  [
    'a read that takes too long',
    'A12',
    (run, pick) => {
      const mutant = replaced(run, pick(ofKind(run, 'read')), { startMs: -20_000 })
      return mutant && { ...mutant, options: { deadlineMs: 10_000 } }
    },
  ],
  [
    'an invalidation that no server acknowledged',
    'A14',
    (run, pick) => {
      const applied = ofKind(run, 'invalidate').filter(({ result }) => result === 'applied')
      return replaced(run, pick(applied), { serverAcked: false })
    },
  ],
]

describe('a correct history with one fault', () => {
  test.each(mutants)('%s is %s', (_, anomaly, mutate) => {
    let made = 0
    const run = (seed: number, choice: number): void => {
      const pick: Pick = (items) => items[choice % Math.max(1, items.length)]
      const mutant = mutate(runOf(seed), pick)
      if (mutant === undefined) return
      made++
      const report = checkHistory(mutant.events, mutant.options)
      expect(report.violations).toContainEqual(expect.objectContaining({ anomaly, event: mutant.culprit }))
    }
    fc.assert(fc.property(seeds, fc.nat(), run), { numRuns: 60 })
    // A mutation that finds no place proves nothing.
    expect(made).toBeGreaterThan(20)
  })

  test('an L1 hit exactly as late as the bound is none, and still counts as the worst staleness', () => {
    const run = (seed: number, choice: number): void => {
      const history = runOf(seed)
      const pick: Pick = (items) => items[choice % Math.max(1, items.length)]
      const read = staleRead(history, pick, { source: 'l1', afterMs: 20 })
      fc.pre(read !== undefined)
      const events = [...history.events, read]
      const [late] = checkHistory(events, { deltaMs: 0 }).violations
      expect(late).toMatchObject({ anomaly: 'A8', event: read })
      const deltaMs = late?.staleMs ?? 0
      expect(deltaMs).toBeGreaterThanOrEqual(20)
      expect(checkHistory(events, { deltaMs })).toMatchObject({ violations: [], worstStalenessMs: deltaMs })
    }
    fc.assert(fc.property(seeds, fc.nat(), run), { numRuns: 60 })
  })
})

const moment = fc.integer({ min: 0, max: 30 })
const span = fc
  .tuple(moment, fc.integer({ min: 0, max: 8 }))
  .map(([startMs, tookMs]) => ({ startMs, endMs: startMs + tookMs }))
const base = { process: fc.constantFrom('a', 'b') }
const keyed = { ...base, key: fc.constantFrom('x', 'y'), tags: fc.constantFrom([], ['t']) }
const version = fc.integer({ min: 0, max: 5 })
const token = fc.constantFrom('1', '2', '3')

/** Events without sense or order, close together. */
const anyEvent: fc.Arbitrary<HistoryEvent> = fc
  .tuple(
    span,
    fc.oneof(
      fc.record(
        {
          kind: fc.constant('read' as const),
          ...keyed,
          source: fc.constantFrom('l1', 'l2', 'loader', 'stale'),
          version,
        },
        { requiredKeys: ['kind', 'process', 'key'] },
      ),
      fc.record(
        { kind: fc.constant('load' as const), ...keyed, token, grantedMs: moment, leasedUntilMs: moment },
        { requiredKeys: ['kind', 'process', 'key'] },
      ),
      fc.record({
        kind: fc.constant('fill' as const),
        ...keyed,
        token,
        version,
        result: fc.constantFrom('stored', 'refused'),
      }),
      fc.record({
        kind: fc.constant('set' as const),
        ...keyed,
        version,
        versioned: fc.boolean(),
        result: fc.constantFrom('stored', 'older', 'unknown'),
      }),
      fc.record({
        kind: fc.constant('invalidate' as const),
        ...base,
        keys: fc.subarray(['x', 'y']),
        tags: fc.subarray(['t']),
        everything: fc.boolean(),
        soft: fc.boolean(),
        result: fc.constantFrom('applied', 'queued', 'unknown'),
      }),
      fc.record({ kind: fc.constant('commit' as const), ...keyed, version }),
    ),
  )
  .map(([moments, event]) => ({ ...event, ...moments }))

describe('any history', () => {
  test('gets the verdict of a checker that compares every event with every other', () => {
    const seen = new Set<string>()
    const run = (events: HistoryEvent[], bounds: { deltaMs?: number; staleAllowedMs?: number }): void => {
      const sweep = events.filter((event) => event.kind === 'read')
      const { violations } = checkHistory(events, { ...bounds, sweep })
      const told = violations.map(
        ({ anomaly, event, staleMs }) => `${anomaly} ${staleMs} ${JSON.stringify(event)}`,
      )
      expect(told.sort()).toEqual(naiveCheck(events, bounds).sort())
      for (const { anomaly } of violations) seen.add(anomaly)
    }
    const bounds = fc.record({ deltaMs: moment, staleAllowedMs: moment }, { requiredKeys: [] })
    fc.assert(fc.property(fc.array(anyEvent, { minLength: 20, maxLength: 40 }), bounds, run), {
      numRuns: 2_000,
    })
    expect([...seen].sort()).toEqual(['A1', 'A10', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9'])
  })
})
