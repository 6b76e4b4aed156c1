/** Loaders that fail or hang, in a process of its own: what they throw reaches who waits for it, and nobody else. */
import { startRedis } from '@holdfast/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import { SLACK_MS } from '../testing/overrun.ts'
import { TIERS, type Tiers } from '../testing/tiers.ts'
import { type ProcessEnd, ToldProcess } from '../testing/told-process.ts'

interface Told {
  readonly failed: Readonly<Record<string, unknown>>
  readonly hung: {
    readonly codes: readonly unknown[]
    readonly aborted: boolean
    readonly overMs: number
    readonly later: number
    readonly held: unknown
  }
  readonly free: {
    readonly l2: string
    readonly overMs: number
    readonly hung: unknown
    readonly kept: unknown
  }
  readonly old: {
    readonly given: readonly unknown[]
    readonly tries: number
    readonly entry: string
    readonly staleHits: number
    readonly beyond: unknown
    readonly next: unknown
  }
  readonly unheard: unknown
}

const WAITERS = 50
const program = new URL('../testing/loaders.test-process.ts', import.meta.url)

/** What the process of each of TIERS told, and how it ended. */
let runs: readonly { readonly told: Told; readonly end: ProcessEnd }[]
beforeAll(async () => {
  await using server = await startRedis()
  const run = async (tiers: Tiers): Promise<(typeof runs)[number]> => {
    await using process = new ToldProcess(program, [tiers, server.url])
    return { told: await process.told<Told>(), end: await process.ended }
  }
  runs = await Promise.all(TIERS.map(run))
})

describe.each(TIERS.map((tiers, at) => [tiers, at] as const))('%s', (_tiers, at) => {
  const ran = (): (typeof runs)[number] => runs[at] ?? never()

  test('F33: whatever a loader throws, and however: all waiters get that very thing of one call, and the next tries again', () => {
    expect(Object.keys(ran().told.failed)).toHaveLength(15)
    for (const [how, result] of Object.entries(ran().told.failed)) {
      expect(result, how).toEqual({ own: WAITERS, calls: 1, next: 'loaded' })
    }
  })

  test('F34: a loader that hangs ends at hardTimeout with its signal, and later calls are not blocked', () => {
    const { hung } = ran().told
    expect(hung.codes).toEqual(['loader_timeout'])
    expect(hung.aborted).toBe(true)
    expect(hung.overMs).toBeLessThan(SLACK_MS)
    expect(hung.later).toBeLessThan(SLACK_MS)
    expect(hung.held).toBe('stale')
  })

  test('F34: a delete frees the key at once; what the hung load does later changes nothing', () => {
    const { free } = ran().told
    expect(free.l2).toBe('applied')
    expect(free.overMs).toBeLessThan(SLACK_MS)
    expect([free.hung, free.kept]).toEqual(['loader_timeout', 'loaded'])
  })

  test('F36: the stale value while loads fail, told as stale, with few tries; after its grace the error', () => {
    const { old } = ran().told
    expect(old.given).toEqual(['old'])
    expect(old.entry).toBe('stale')
    expect(old.staleHits).toBeGreaterThan(20)
    // At once and after 0.5 to 1 s; then once more by the call that is beyond.
    expect(old.tries).toBeGreaterThanOrEqual(2)
    expect(old.tries).toBeLessThanOrEqual(3)
    expect([old.beyond, old.next]).toEqual([true, 'new'])
  })

  test('F36: a refresh that nobody waits for fails unheard; none of all this ends the process', () => {
    expect(ran().told.unheard).toEqual({ given: 'old', failed: true })
    expect(ran().end).toEqual({ code: 0, signal: null })
  })
})

function never(): never {
  throw new Error('it was not run')
}

test('a rejection that nobody handles does end such a process', async () => {
  const careless = new URL('data:text/javascript,Promise.reject(new Error("unheard"))')
  await using process = new ToldProcess(program, [], { flags: ['--import', careless.href] })
  expect((await process.ended).code).toBe(1)
  expect(process.errors).toContain('unheard')
})
