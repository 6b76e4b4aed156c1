/**
 * F37: a key is deleted, or its tag, while this process loads it, in any order of all their steps. F38, the same in two
 * processes, is shown by the named races of sim/race.
 */
import { type RedisServer, SEED, startRedis } from '@holdfast/testkit'
import fc from 'fast-check'
import type { Cache } from 'holdfast'
import { createCacheWith, type Fence, fence } from 'holdfast/internal'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redis } from '../redis.ts'
import { Gates } from '../testing/gates.ts'
import { inUseAgain, SILENT } from '../testing/open-cache.ts'
import { TIERS, type Tiers } from '../testing/tiers.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const READS = ['getOrSet', 'getOrSetMany', 'get', 'refresh', 'reserve'] as const
const CHANGES = ['delete', 'deleteMany', 'invalidateTag', 'clear', 'write'] as const
type Step = (typeof READS)[number] | (typeof CHANGES)[number]

const isRead = (step: Step): boolean => READS.some((read) => read === step)

/** One key, whose row has a version that each change raises. */
class Subject {
  readonly #cache: Cache
  readonly #gates: Gates
  #version = 1
  /** The version that was committed before the last change which has been acknowledged. */
  #acknowledged = 1
  readonly violations: string[] = []

  constructor(cache: Cache) {
    this.#cache = cache
    this.#gates = new Gates(() => settled(cache))
  }

  /** All steps at once; the draws say in which order they begin and their loaders end. */
  async run(steps: readonly Step[], draws: Iterator<number>): Promise<void> {
    await this.#gates.run(Promise.all(steps.map((step) => this.#perform(step))), draws)
    // What is kept is of no use to anybody if it is old.
    this.#judge('kept', await this.#cache.get<number>('k'), this.#acknowledged)
    const reading = this.#read('getOrSet')
    await this.#gates.run(reading, draws)
    this.#judge('loaded in the end', await reading, this.#acknowledged)
  }

  async #perform(step: Step): Promise<void> {
    await this.#gates.pass(`${step} begins`)
    if (!isRead(step)) return await this.#change(step)
    const floor = this.#acknowledged
    this.#judge(step, await this.#read(step), floor)
  }

  #judge(how: string, seen: number | undefined, floor: number): void {
    if (seen === undefined || seen >= floor) return
    this.violations.push(`${how}: ${seen}, ${floor} was acknowledged. ${this.#gates.passed.join(', ')}`)
  }

  async #change(step: Step): Promise<void> {
    const committed = ++this.#version
    const cache = this.#cache
    if (step === 'delete') await cache.delete('k')
    else if (step === 'deleteMany') await cache.deleteMany(['other', 'k'])
    else if (step === 'invalidateTag') await cache.invalidateTag('t')
    else if (step === 'clear') await cache.clear()
    else await cache.write({ keys: ['k'] }, () => undefined)
    this.#acknowledged = Math.max(this.#acknowledged, committed)
  }

  async #read(step: Step): Promise<number | undefined> {
    const cache = this.#cache
    const options = { tags: ['t'] }
    if (step === 'get') return await cache.get<number>('k')
    if (step === 'refresh') return await cache.refresh('k', () => this.#load(), options)
    if (step === 'getOrSet') return await cache.getOrSet('k', () => this.#load(), options)
    if (step === 'getOrSetMany') {
      const loadAll = (keys: readonly string[]): Promise<number[]> =>
        Promise.all(keys.map(() => this.#load()))
      return (await cache.getOrSetMany(['k', 'beside'], loadAll, options))[0]
    }
    const reserved = await cache.reserve<number>('k', options)
    return reserved.fill === undefined ? reserved.value : await reserved.fill(await this.#load())
  }

  /** Reads the row when it begins, and ends when its turn has come. */
  async #load(): Promise<number> {
    const version = this.#version
    await this.#gates.pass(`a load of version ${version} ends`)
    return version
  }
}

/** What has been sent has been answered, and what follows from the answers has been sent, three times over. */
async function settled(cache: Cache): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await cache.barrier('10s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const draws = fc.infiniteStream(fc.nat(1000))
const steps = fc.array(fc.constantFrom<Step>(...READS, ...CHANGES), { minLength: 3, maxLength: 9 })

async function firstViolation(tiers: Tiers, rules: Fence, runs: number): Promise<string | undefined> {
  const tier = tiers === 'Redis alone' ? { l1: false as const } : {}
  const l2 = tiers === 'L1 alone' ? {} : { l2: redis(server.url), l2Timeout: '10s' as const }
  await using cache = createCacheWith({ name: `${tiers} ${runs}`, logger: SILENT, ...tier, ...l2 }, rules)
  if (tiers !== 'L1 alone') await inUseAgain(cache)
  let runsMade = 0
  const property = fc.asyncProperty(steps, draws, async (taken, drawn) => {
    const subject = new Subject(cache.namespace(`run ${runsMade++}`))
    await subject.run(taken, drawn)
    if (subject.violations.length > 0) throw new Error(subject.violations.join('; '))
  })
  const details = await fc.check(property, { seed: SEED, numRuns: runs, endOnFailure: true })
  if (!details.failed) return undefined
  return `SEED=${SEED} ${JSON.stringify(details.counterexample?.[0])} ${String(details.errorInstance)}`
}

describe.each(TIERS)('F37: %s', (tiers) => {
  const runs = tiers === 'L1 alone' ? 2000 : 300

  test('no read that begins after a change was acknowledged gives what was before it', async () => {
    expect(await firstViolation(tiers, fence, runs)).toBe(undefined)
  })

  test('without rule J it does', async () => {
    const careless: Fence = { ...fence, mayJoin: () => true, mayShare: () => true }
    expect(await firstViolation(tiers, careless, 2 * runs)).toContain('was acknowledged')
  })
})
