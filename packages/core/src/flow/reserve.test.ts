import { describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { Database } from '../testing/database.ts'
import { codeOf, errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'
import type { Reservation } from './reserve.ts'

const tiers: Record<string, (stage: Stage) => Cache> = {
  'L1 alone': (stage) => stage.alone(),
  'L1 and L2': (stage) => stage.node().cache,
  'L2 alone': (stage) => stage.node({ l1: false }).cache,
}

/** The duty that a reservation must have brought. */
function dutyOf<T>(reservation: Reservation<T>): Extract<Reservation<T>, { value?: undefined }> & {
  fill(value: T | undefined): Promise<T | undefined>
  release(): Promise<void>
} {
  const { fill, release } = reservation
  if (fill === undefined || release === undefined) throw new Error('expected a duty, got a value')
  return { fill, release }
}

describe.each(Object.entries(tiers))('reserve: %s', (_, open) => {
  test('a cached value is answered; else the duty to load, and what fill gives is cached', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const duty = dutyOf(await cache.reserve<string>('k'))
    expect(await duty.fill('v')).toBe('v')
    expect(await cache.reserve('k')).toEqual({ value: 'v' })
    expect(await cache.get('k')).toBe('v')
  })

  test('others wait for the fill, and share it', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const duty = dutyOf(await cache.reserve<string>('k'))
    const waiting = [watched(cache.getOrSet('k', () => 'unused')), watched(cache.reserve('k'))]
    await stage.settle()
    expect(waiting.map((call) => call())).toEqual(['pending', 'pending'])
    await duty.fill('v')
    await stage.settle()
    expect(waiting.map((call) => call())).toEqual([{ value: 'v' }, { value: { value: 'v' } }])
  })

  test('fill after a delete is answered and not stored', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const duty = dutyOf(await cache.reserve<string>('k'))
    await cache.delete('k')
    expect(await duty.fill('old')).toBe('old')
    expect(await cache.get('k')).toBeUndefined()
  })

  test('fill after an invalidation of its tag is not stored', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const duty = dutyOf(await cache.reserve<string>('k', { tags: ['t'] }))
    await cache.invalidateTag('t')
    await duty.fill('old')
    expect(await cache.get('k')).toBeUndefined()
  })

  test('release hands the duty over to one of those who wait', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const duty = dutyOf(await cache.reserve('k'))
    const db = new Database('v')
    const waiting = [1, 2, 3].map(() => watched(cache.getOrSet('k', db.load)))
    await stage.settle()
    await duty.release()
    await stage.settle()
    expect(waiting.map((call) => call())).toEqual([{ value: 'v' }, { value: 'v' }, { value: 'v' }])
    expect(db.loads).toHaveLength(1)
  })

  test('release with nobody waiting leaves the key free', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    await dutyOf(await cache.reserve('k')).release()
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  })

  test('the first of fill and release counts: what comes after it answers, and changes nothing', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const filled = dutyOf(await cache.reserve<string>('a'))
    expect(await Promise.all([filled.fill('first'), filled.fill('second')])).toEqual(['first', 'first'])
    await filled.release()
    expect(await filled.fill('third')).toBe('first')
    expect(await cache.get('a')).toBe('first')
    const released = dutyOf(await cache.reserve<string>('b'))
    await Promise.all([released.release(), released.release()])
    expect(await released.fill('late')).toBe(undefined)
    expect(await cache.get('b')).toBe(undefined)
  })

  test('a fill that cannot be kept, or rejects, is told to its holder: the duty is free again', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const down = new Error('down')
    const refused = dutyOf(await cache.reserve<unknown>('k'))
    expect(await errorOf(refused.fill(() => 1))).toMatchObject({ code: 'unsupported_value', key: 'k' })
    await refused.release()
    const failed = dutyOf(await cache.reserve<unknown>('k'))
    expect(await errorOf(failed.fill(Promise.reject(down)))).toBe(down)
    await failed.release()
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  })

  test('fill(undefined) caches nothing', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    expect(await dutyOf(await cache.reserve('k')).fill(undefined)).toBeUndefined()
    expect(await cache.has('k')).toBe(false)
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  })

  test('a duty that is forgotten is void after hardTimeout: others load, a late fill stores nothing', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const duty = dutyOf(await cache.reserve<string>('k', { hardTimeout: '2s' }))
    const waiting = watched(cache.getOrSet('k', () => 'unused'))
    await stage.advance(1_999)
    expect(waiting()).toBe('pending')
    await stage.advance(2)
    expect(waiting()).not.toBe('pending')
    expect(await codeOf(duty.fill('late'))).toBe('loader_timeout')
    await duty.release()
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    expect(await cache.get('k')).toBe('new')
  })
})

describe('reserve between processes', () => {
  test('the delete of another node fences the fill', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const duty = dutyOf(await a.cache.reserve<string>('k'))
    await b.cache.delete('k')
    await duty.fill('old')
    expect(await a.cache.get('k')).toBeUndefined()
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('release hands over to another process', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const duty = dutyOf(await a.cache.reserve('k'))
    const waiting = watched(b.cache.getOrSet('k', () => 'v'))
    await stage.settle()
    expect(waiting()).toBe('pending')
    await duty.release()
    await stage.settle()
    expect(waiting()).toEqual({ value: 'v' })
  })

  test('a stale value is no answer to it: it is what is to be replaced', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ ttl: '1s', swr: '1h' })
    await cache.set('k', 'old')
    await stage.advance(1_000)
    await dutyOf(await cache.reserve<string>('k')).fill('new')
    expect(await cache.get('k')).toBe('new')
  })
})
