/** 100,000 random frames to a cache (S15): nothing throws, and nothing is in L1 but what was, or was evicted. */
import { expect, test } from 'vitest'
import { BusStage } from '../testing/bus-stage.ts'
import { dice, mutated } from '../testing/mutations.ts'
import type { FrameHead } from './frame.ts'
import { ChangesWriter, writeBeat, writeGoodbye } from './write-frame.ts'

const FRAMES = 100_000
const KEYS = Array.from({ length: 200 }, (_, i) => `key ${i}`)
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

test(`random frames change no value (SEED=${seed})`, async () => {
  await using stage = new BusStage()
  const next = dice(seed)
  const warnings: string[] = []
  const logger = { info: () => undefined, warn: (line: string) => void warnings.push(line) }
  const { cache, bus } = await stage.node({ logger })
  for (const key of KEYS) await cache.set(key, { key }, { tags: [`tag ${key}`] })
  await stage.advance(500)
  const before = new Map<string, unknown>()
  for (const key of KEYS) before.set(key, await cache.get(key))
  let handled = 0
  for (let i = 0; i < FRAMES; i++) {
    stage.bus.plant('shop', randomFrame(next))
    if (i % 250 !== 249) continue
    // Between two frames others have their turn, and time passes.
    await stage.clock.advance(10)
    const { received, ignored, echoes } = cache.stats().bus
    handled = received + ignored + echoes
  }
  await stage.settle()
  // A listener that threw would be told of here.
  expect(warnings.filter((line) => !line.includes('newer version'))).toEqual([])
  expect(handled).toBeGreaterThan(FRAMES / 2)
  expect(cache.stats().bus.ignored).toBeGreaterThan(FRAMES / 100)
  expect(cache.stats().bus.received).toBeGreaterThan(FRAMES / 100)
  bus.release()
  for (const key of KEYS) {
    // From whichever tier: the same object, or an equal one that L2 gave.
    const now = await cache.get(key)
    expect(now, `SEED=${seed}`).toEqual(before.get(key))
    expect(now).toEqual({ key })
  }
  // It goes on: strangers have vanished, and what is in doubt ends with the next beat.
  await stage.advance(12_000)
  expect(cache.stats().bus.verified, `SEED=${seed}`).toBe(true)
  await cache.get('key 0')
  expect(await cache.get('key 0')).toEqual({ key: 'key 0' })
  expect(cache.stats().hits.l1).toBeGreaterThan(0)
}, 60_000)

function randomFrame(next: (below: number) => number): Uint8Array {
  const kind = next(10)
  if (kind === 0) return Buffer.from(Array.from({ length: next(200) }, () => next(256)))
  const frame = Buffer.from(likelyFrame(next))
  return kind < 6 ? mutated(frame, next) : frame
}

function likelyFrame(next: (below: number) => number): Uint8Array {
  const head: FrameHead = {
    publisher: `stranger${next(8)}`.slice(-8),
    number: next(5) === 0 ? next(2 ** 31) : next(50),
    beat: next(5) === 0 ? next(2 ** 31) : next(50),
  }
  const kind = next(6)
  if (kind === 0) return writeBeat(head, next(2 ** 31), undefined)
  if (kind === 1) return writeGoodbye(head, undefined)
  const writer = new ChangesWriter(undefined)
  for (let n = next(8); n >= 0; n--) {
    const name = KEYS[next(KEYS.length)] ?? ''
    const namespace = next(4) === 0 ? 'other' : 'shop'
    if (next(20) === 0) writer.add(namespace, 'everything', '')
    else if (next(3) === 0) writer.add(namespace, 'tag', `tag ${name}`)
    else writer.add(namespace, 'key', name)
  }
  return writer.finish(head)
}
