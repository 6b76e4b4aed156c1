/** Rules of docs/wire/bus.md; each is played with the rule and without it. */
import { decorateStore } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { StoreDefinition } from '../contracts.ts'
import type { Doubt } from '../stats.ts'
import { type BusNode, type BusOff, BusStage, MAX_STALE_MS } from '../testing/bus-stage.ts'
import { Database } from '../testing/database.ts'
import { watched } from '../testing/outcome.ts'
import { always } from '../testing/race.ts'

/** A case that is played twice: with all rules, and with one off. */
interface Played {
  readonly off: BusOff
  readonly play: (stage: BusStage) => Promise<unknown>
  readonly holds: unknown
  /** The bad outcome that must really happen without the rule. */
  readonly breaks: unknown
}

function rule(title: string, { off, play, holds, breaks }: Played): void {
  test(title, async () => {
    await using stage = new BusStage()
    expect(await play(stage)).toEqual(holds)
  })
  test(`${title}: not without the rule`, async () => {
    await using stage = new BusStage(off)
    expect(await play(stage)).toEqual(breaks)
  })
}

const without = (doubt: Doubt): BusOff => ({ bus: { doubts: (why) => why !== doubt } })

const BEAT_MS = MAX_STALE_MS / 3
const isChange = (frame: Uint8Array): boolean => frame[3] === 1

/** Two processes that know each other, of which `a` holds what `b` has stored. */
async function pair(stage: BusStage): Promise<{ a: BusNode; b: BusNode }> {
  const [a, b] = [await stage.node(), await stage.node()]
  await b.cache.set('k', 'old')
  await stage.settle()
  expect(await a.cache.get('k')).toBe('old')
  expect(await a.cache.get('k')).toBe('old')
  expect(a.cache.stats().hits.l1).toBe(1)
  return { a, b }
}

/** A store of which the invalidations of one process wait. */
function gated(gate: Promise<void>): (definition: StoreDefinition) => StoreDefinition {
  return (definition) =>
    decorateStore(definition, {
      namespace: (inner) => ({
        invalidate: async (keys, by) => {
          await gate
          return await inner.invalidate(keys, by)
        },
      }),
    })
}

describe('A: applied is what the bus has accepted word of', () => {
  rule('who is cut off says so, and not that everybody knows', {
    off: { bus: { isTold: always } },
    play: async (stage) => {
      const { a, b } = await pair(stage)
      b.bus.isCutOff = true
      // Until nobody waits for it any more.
      await stage.advance(2 * MAX_STALE_MS)
      expect(await a.cache.get('k')).toBe('old')
      const deleting = watched(b.cache.delete('k'))
      await stage.advance(MAX_STALE_MS)
      return [deleting(), await a.cache.get('k')]
    },
    holds: [{ value: { l2: 'queued' } }, 'old'],
    breaks: [{ value: { l2: 'applied' } }, 'old'],
  })

  test('require: applied rejects, a set says that it is stored, and the cause is the bus', async () => {
    await using stage = new BusStage()
    const { b } = await pair(stage)
    stage.bus.stop()
    await stage.settle()
    const error = await b.cache.delete('k', { require: 'applied' }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'not_applied', cause: { code: 'bus_unavailable' } })
    expect(await b.cache.set('k', 'new')).toEqual({ l2: 'queued', stored: true })
    expect(b.cache.stats()).toMatchObject({
      bus: { online: false, verified: false },
      l2: { queuedInvalidations: 0 },
    })
  })
})

describe('B: word goes out behind the acknowledgement of L2', () => {
  rule('who asks L2 because of it finds what it is about', {
    off: { bus: { tellsBehindL2: () => false } },
    play: async (stage) => {
      const { promise: gate, resolve: open } = Promise.withResolvers<void>()
      const a = await stage.node()
      const b = await stage.node({ decorateStore: gated(gate) })
      await a.cache.set('k', 'old')
      const deleting = watched(b.cache.delete('k'))
      await stage.settle()
      expect(await a.cache.get('k')).toBe('old')
      open()
      await stage.settle()
      await stage.advance(MAX_STALE_MS + 1)
      return [deleting(), await a.cache.get('k')]
    },
    holds: [{ value: { l2: 'applied' } }, undefined],
    breaks: [{ value: { l2: 'applied' } }, 'old'],
  })
})

describe('P: word of a key forbids what is under way to be put into L1', () => {
  rule('a read whose reply was on its way', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [await stage.node(), await stage.node()]
      await b.cache.set('k', 'old')
      await stage.settle()
      a.store.hold()
      const before = watched(a.cache.get('k'))
      await stage.settle()
      await b.cache.delete('k')
      await stage.settle()
      a.store.release()
      await stage.settle()
      return [before(), await a.cache.get('k')]
    },
    holds: [{ value: 'old' }, undefined],
    breaks: [{ value: 'old' }, 'old'],
  })

  rule('a fill whose reply was on its way', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [await stage.node(), await stage.node()]
      const db = new Database('old')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      a.store.hold()
      db.release()
      await stage.settle()
      db.value = 'new'
      await b.cache.delete('k')
      await stage.settle()
      a.store.release()
      await stage.settle()
      return [before(), await a.cache.getOrSet('k', db.load)]
    },
    holds: [{ value: 'old' }, 'new'],
    breaks: [{ value: 'old' }, 'old'],
  })

  rule('a put whose reply was on its way', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [await stage.node(), await stage.node()]
      a.store.hold()
      const putting = watched(a.cache.set('k', 'old'))
      await stage.settle()
      await b.cache.set('k', 'new')
      await stage.settle()
      a.store.release()
      await stage.settle()
      return [putting(), await a.cache.get('k')]
    },
    holds: [{ value: { l2: 'applied', stored: true } }, 'new'],
    breaks: [{ value: { l2: 'applied', stored: true } }, 'old'],
  })

  test.each(['invalidateTag', 'expireTag', 'clear'] as const)(
    '%s: a token that was on its way is not learned',
    async (kind) => {
      await using stage = new BusStage()
      const [a, b] = [await stage.node(), await stage.node()]
      await b.cache.set('k', 'old', { tags: ['t'] })
      await stage.settle()
      await a.cache.get('k')
      await a.cache.explain('k')
      a.store.hold()
      const before = watched(a.cache.get('k', { consistency: 'strong' }))
      await stage.settle()
      if (kind === 'clear') await b.cache.clear()
      else await b.cache[kind]('t')
      await stage.settle()
      a.store.release()
      await stage.settle()
      expect(before()).toEqual({ value: 'old' })
      expect(await a.cache.get('k')).toBeUndefined()
    },
  )
})

describe('N: a number that was used stays used', () => {
  rule('what the bus did not accept is the gap by which everybody drops everything', {
    off: { bus: { keepsNumber: () => false } },
    play: async (stage) => {
      const { a, b } = await pair(stage)
      b.bus.isCutOff = true
      const deleting = watched(b.cache.delete('k'))
      await stage.advance(250)
      b.bus.isCutOff = false
      await stage.advance(BEAT_MS)
      return [deleting(), await a.cache.get('k'), a.cache.stats().bus.doubts.gap]
    },
    holds: [{ value: { l2: 'queued' } }, undefined, 1],
    breaks: [{ value: { l2: 'queued' } }, 'old', 0],
  })
})

describe('D: what may have been missed puts everything in doubt', () => {
  rule('gap: a message that was lost without a word', {
    off: without('gap'),
    play: async (stage) => {
      const { a, b } = await pair(stage)
      a.bus.loses = isChange
      expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
      await stage.advance(MAX_STALE_MS + 1)
      return await a.cache.get('k')
    },
    holds: undefined,
    breaks: 'old',
  })

  rule('stranger: somebody is heard of for the first time who has spoken before', {
    off: without('stranger'),
    play: async (stage) => {
      const a = await stage.node()
      await a.cache.set('k', 'old')
      const b = await stage.node()
      await stage.settle()
      const c = stage.nodeNow()
      // Neither its hello nor what it says first.
      a.bus.loses = (frame) => !a.isOf(frame) && !b.isOf(frame)
      await stage.settle()
      expect(await c.cache.delete('k')).toEqual({ l2: 'applied' })
      a.bus.loses = () => false
      await stage.advance(MAX_STALE_MS + 1)
      return [await a.cache.get('k'), a.cache.stats().bus.publishers]
    },
    holds: [undefined, 2],
    breaks: ['old', 2],
  })

  rule('vanished: somebody dies between the acknowledgement of L2 and the bus', {
    off: without('vanished'),
    play: async (stage) => {
      const { a, b } = await pair(stage)
      b.bus.isCutOff = true
      const deleting = watched(b.cache.delete('k'))
      await stage.advance(2 * MAX_STALE_MS)
      const { publishers, verified } = a.cache.stats().bus
      return [deleting(), publishers, verified, await a.cache.get('k')]
    },
    holds: [{ value: { l2: 'queued' } }, 0, true, undefined],
    breaks: [{ value: { l2: 'queued' } }, 0, true, 'old'],
  })

  rule('lost: what was said while nobody listened', {
    off: without('lost'),
    play: async (stage) => {
      const { a, b } = await pair(stage)
      a.bus.disconnect()
      await stage.settle()
      expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
      const goodbye = b.cache.close()
      await stage.advance(5 * MAX_STALE_MS)
      await goodbye
      a.bus.reconnect()
      await stage.settle()
      return [a.cache.stats().bus.verified, await a.cache.get('k')]
    },
    holds: [true, undefined],
    breaks: [true, 'old'],
  })

  rule('newer: somebody says what is not understood', {
    off: without('newer'),
    play: async (stage) => {
      const { a } = await pair(stage)
      // Its first bytes are those of every format.
      const frame = Buffer.alloc(40, 1)
      frame.set([0x48, 0x62, 2, 0])
      a.bus.hold()
      stage.bus.plant('shop', frame)
      a.bus.release(1)
      const { verified, ignored } = a.cache.stats().bus
      return [verified, ignored]
    },
    holds: [false, 1],
    breaks: [true, 1],
  })

  rule('overflow: more comes in than can be handled', {
    off: without('overflow'),
    play: async (stage) => {
      const { a } = await pair(stage)
      a.bus.hold()
      for (let i = 0; i < 100; i++) stage.bus.plant('shop', Buffer.alloc(65_000))
      a.bus.release(100)
      return a.cache.stats().bus.verified
    },
    holds: false,
    breaks: true,
  })
})

describe('E: an own beat proves what was accepted before it was sent', () => {
  rule('a beat that took its time proves no more than a quick one', {
    off: { bus: { provenBy: (_, cameBack) => cameBack } },
    play: async (stage) => {
      const a = await stage.node()
      await a.cache.set('k', 'old')
      a.bus.hold()
      await stage.advance(BEAT_MS + 1)
      const b = await stage.node()
      expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
      await stage.advance(MAX_STALE_MS + 10)
      // The beat of that time, and not yet what came behind it.
      a.bus.release(1)
      return await a.cache.get('k')
    },
    holds: undefined,
    breaks: 'old',
  })
})

describe('H: nothing is proven beyond what each publisher was heard since', () => {
  rule('a message is lost, and with it every beat that would have told of it', {
    off: { bus: { upTo: (own) => own } },
    play: async (stage) => {
      const { a, b } = await pair(stage)
      await stage.advance(BEAT_MS + 1)
      a.bus.loses = b.isOf
      expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
      const answers: unknown[] = []
      for (let ms = 0; ms < 2 * MAX_STALE_MS; ms += 50) {
        await stage.advance(50)
        // What L1 answers, and not L2.
        const { l1 } = a.cache.stats().hits
        const value = await a.cache.get('k')
        if (ms > MAX_STALE_MS && a.cache.stats().hits.l1 > l1) answers.push(value)
      }
      return [...new Set(answers)]
    },
    holds: [],
    breaks: ['old'],
  })
})
