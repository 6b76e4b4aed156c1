/** A shared tier that is there and does not answer: nobody waits for it more than a few times. */
import { expect, test } from 'vitest'
import { watched } from '../testing/outcome.ts'
import { Stage, type StageNode } from '../testing/stage.ts'

/** Calls that find the server silent, until the breaker opens. */
async function openBreaker(stage: Stage, { cache }: StageNode): Promise<void> {
  stage.server.pause()
  const calls = Array.from({ length: 6 }, (_, i) => watched(cache.getOrSet(`opens ${i}`, () => 'loaded')))
  await stage.advance(250)
  expect(calls.map((call) => call())).toEqual(calls.map(() => ({ value: 'loaded' })))
  expect(cache.stats().l2).toMatchObject({ online: false, breaker: 'open' })
}

test('once it is open, loads and invalidations wait for nothing; afterwards all is as it was', async () => {
  await using stage = new Stage()
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(`! ${line}`) }
  const [a, b] = [stage.node({ logger }), stage.node()]
  await b.cache.set('k', 'old', { tags: ['t'] })
  expect(await a.cache.get('k')).toBe('old')
  await openBreaker(stage, a)
  const at = stage.clock.now()
  expect(await a.cache.getOrSet('cold', () => 'loaded')).toBe('loaded')
  expect(await a.cache.delete('k')).toEqual({ l2: 'queued' })
  expect(await a.cache.get('k')).toBeUndefined()
  expect(stage.clock.now()).toBe(at)
  await stage.advance(5_000)
  expect(a.cache.stats().l2).toMatchObject({ breaker: 'open', queuedInvalidations: 1 })
  stage.server.resume()
  await stage.advance(1_000)
  expect(a.cache.stats().l2).toMatchObject({ online: true, breaker: 'closed', queuedInvalidations: 0 })
  expect(await b.cache.get('k')).toBeUndefined()
  expect(lines.filter((line) => line.startsWith('! '))).toHaveLength(1)
  expect(lines.join()).toMatch(/of the last 10 calls found it away or too late.*answers again/)
})

test('L1 in tracked mode is stale beyond Δ while the breaker is open, and costs no wait', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node({ staleIfError: '1h' }), stage.node()]
  await b.cache.set('k', 'old', { staleIfError: '1h' })
  await a.cache.get('k')
  await openBreaker(stage, a)
  await stage.advance(1_000)
  const at = stage.clock.now()
  expect(await a.cache.getOrSet('k', () => Promise.reject(new Error('database down')))).toBe('old')
  expect(await a.cache.getOrSet('k', () => 'loaded', { staleIfError: false })).toBe('loaded')
  expect(stage.clock.now()).toBe(at)
})

test('a server that refuses commands opens nothing', async () => {
  await using stage = new Stage()
  const { cache } = stage.node()
  stage.server.failNext('fill', 100)
  for (let i = 0; i < 100; i++) expect(await cache.getOrSet(`k${i}`, () => i)).toBe(i)
  expect(cache.stats().l2).toMatchObject({ online: true, breaker: 'closed' })
})
