/** L1 mode 'bus': what is heard, what is told, and what L1 does meanwhile. */
import { memoryServer, memoryStore, partedMemoryStore, withoutPush } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { type Bus, FRAME_BYTES_MAX } from '../contracts.ts'
import { createCache } from '../create-cache.ts'
import { type BusNode, BusStage, MAX_STALE_MS } from '../testing/bus-stage.ts'
import { watched } from '../testing/outcome.ts'

const BEAT_MS = MAX_STALE_MS / 3

/** Frames that came through a bus, so that a test can play them again. */
function recorded(stage: BusStage): Buffer[] {
  const frames: Buffer[] = []
  stage.bus.open(
    {
      clock: stage.clock,
      topic: 'shop',
      heartbeatMs: BEAT_MS,
      frameBytesMax: FRAME_BYTES_MAX,
      log: () => undefined,
    },
    {
      connected: () => undefined,
      lost: () => undefined,
      dropped: () => undefined,
      received: (frame) => void frames.push(Buffer.from(frame)),
    },
  )
  return frames
}

async function warmed(stage: BusStage, value: unknown = 'old'): Promise<{ a: BusNode; b: BusNode }> {
  const [a, b] = [await stage.node(), await stage.node()]
  await b.cache.set('k', value, { tags: ['t'] })
  await stage.settle()
  await a.cache.get('k')
  return { a, b }
}

describe('what one process does, another lets go of', () => {
  test.each([
    ['delete', (b: BusNode) => b.cache.delete('k'), undefined],
    ['deleteMany', (b: BusNode) => b.cache.deleteMany(['k', 'x']), undefined],
    ['set', (b: BusNode) => b.cache.set('k', 'new'), 'new'],
    ['setMany', (b: BusNode) => b.cache.setMany([['k', 'new']]), 'new'],
    ['invalidateTag', (b: BusNode) => b.cache.invalidateTag('t'), undefined],
    ['expire', (b: BusNode) => b.cache.expire('k'), undefined],
    ['expireTag', (b: BusNode) => b.cache.expireTag('t'), undefined],
    ['clear', (b: BusNode) => b.cache.clear(), undefined],
    ['write by key', (b: BusNode) => b.cache.write({ keys: ['k'] }, () => 1), undefined],
    ['write by tag', (b: BusNode) => b.cache.write({ tags: ['t'] }, () => 1), undefined],
  ])('%s', async (_, act, after) => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    expect(await a.cache.get('k')).toBe('old')
    expect(await act(b)).toMatchObject({ l2: 'applied' })
    await stage.settle()
    expect(await a.cache.get('k')).toBe(after)
  })

  test('in its own namespace, and in no other', async () => {
    await using stage = new BusStage()
    const [a, b] = [await stage.node(), await stage.node()]
    for (const cache of [a.cache, a.cache.namespace('n'), a.cache.namespace('m')]) await cache.set('k', 'v')
    await stage.settle()
    await b.cache.namespace('n').delete('k')
    await stage.settle()
    const before = a.cache.stats().hits
    expect(await a.cache.get('k')).toBe('v')
    expect(await a.cache.namespace('m').get('k')).toBe('v')
    expect(await a.cache.namespace('n').get('k')).toBeUndefined()
    expect(a.cache.stats().hits).toEqual({ l1: before.l1 + 2, l2: before.l2 })
  })

  test('fills say nothing', async () => {
    await using stage = new BusStage()
    const [a] = [await stage.node(), await stage.node()]
    const { published } = a.cache.stats().bus
    expect(await a.cache.getOrSet('k', () => 'v')).toBe('v')
    expect(a.cache.stats().bus.published).toBe(published)
    expect(await a.cache.getOrSet('k', () => 'other')).toBe('v')
    expect(a.cache.stats().hits.l1).toBe(1)
  })

  test('what is set stays in the L1 of who has set it, and is confirmed to the others by L2', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    await b.cache.set('k', 'new')
    await stage.settle()
    expect(await b.cache.get('k')).toBe('new')
    expect(b.cache.stats().hits).toEqual({ l1: 1, l2: 0 })
    expect(await a.cache.get('k')).toBe('new')
  })

  test('a replay of what was owed to L2 is told of like everything else', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    b.store.disconnect()
    expect(await b.cache.delete('k')).toEqual({ l2: 'queued' })
    await stage.settle()
    expect(await a.cache.get('k')).toBe('old')
    b.store.reconnect()
    await stage.advance(100)
    expect(b.cache.stats().l2.queuedInvalidations).toBe(0)
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('what a part of L2 was owed is told of once more when it has it', async () => {
    await using stage = new BusStage()
    const servers = [0, 1].map(() => memoryServer({ clock: stage.clock, schedule: queueMicrotask }))
    const parted = partedMemoryStore(servers)
    const decorateStore = () => parted
    const key = ['a', 'b'].find((name) => parted.partOf(name) === 1) ?? ''
    const a = stage.nodeNow({ decorateStore })
    const b = stage.nodeNow({ decorateStore })
    await stage.settle()
    await b.cache.set(key, 'old')
    await stage.settle()
    // The second part is away for b alone.
    const [, far] = servers[1]?.connections ?? []
    far?.disconnect()
    expect(await b.cache.delete(key)).toEqual({ l2: 'queued' })
    await stage.settle()
    expect(await a.cache.get(key)).toBe('old')
    expect(await a.cache.get(key)).toBe('old')
    far?.reconnect()
    await stage.advance(2 * BEAT_MS)
    expect(b.cache.stats().l2.queuedInvalidations).toBe(0)
    expect(await a.cache.get(key)).toBeUndefined()
  })
})

describe('frames that are late, doubled or in disorder (F20)', () => {
  test('a message that comes twice evicts twice, and proves nothing', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const frames = recorded(stage)
    await stage.settle()
    await b.cache.set('k', 'new')
    await stage.settle()
    expect(await a.cache.get('k')).toBe('new')
    const { doubts } = a.cache.stats().bus
    for (const frame of [...frames, ...frames]) stage.bus.plant('shop', frame)
    await stage.settle()
    expect(a.cache.stats().bus).toMatchObject({ verified: true, doubts })
    expect(await a.cache.get('k')).toBe('new')
  })

  test('10 s late: newest wins, and nobody is in doubt for it', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const frames = recorded(stage)
    await stage.settle()
    await b.cache.set('k', 'newer')
    await b.cache.set('k', 'newest')
    await stage.advance(10_000)
    expect(await a.cache.get('k')).toBe('newest')
    const { doubts } = a.cache.stats().bus
    for (const frame of frames) stage.bus.plant('shop', frame)
    await stage.settle()
    expect(await a.cache.get('k')).toBe('newest')
    expect(a.cache.stats().bus.doubts).toEqual(doubts)
  })

  test('out of order: what overtakes leaves a gap, and what was overtaken evicts', async () => {
    await using stage = new BusStage()
    const [a, b] = [await stage.node(), await stage.node()]
    await b.cache.set('first', 1)
    await b.cache.set('second', 1)
    await stage.settle()
    await a.cache.getMany(['first', 'second'])
    const held: Buffer[] = []
    a.bus.loses = (frame) => frame[3] === 1 && b.isOf(frame) && held.push(Buffer.from(frame)) > 0
    await b.cache.set('first', 2)
    await b.cache.set('second', 2)
    a.bus.loses = () => false
    for (const frame of held.reverse()) stage.bus.plant('shop', frame)
    await stage.settle()
    expect(a.cache.stats().bus.doubts.gap).toBe(1)
    expect(await a.cache.getMany(['first', 'second'])).toEqual([2, 2])
  })

  test('beats from the past prove nothing of the present', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const frames = recorded(stage)
    await stage.advance(BEAT_MS)
    a.bus.loses = b.isOf
    expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
    a.bus.loses = (frame) => b.isOf(frame) && !frames.some((old) => old.equals(frame))
    const past = frames.filter((frame) => b.isOf(frame) && frame[3] === 0)
    expect(past.length).toBeGreaterThan(0)
    for (let ms = 0; ms <= MAX_STALE_MS; ms += 50) {
      for (const beat of past) stage.bus.plant('shop', beat)
      await stage.advance(50)
    }
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('beats that are sent ahead of their time, in every name, prove nothing: nobody knows their numbers', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const frames = recorded(stage)
    await stage.advance(BEAT_MS)
    const lasts = [a, b].map((node) => frames.findLast((frame) => node.isOf(frame) && frame[3] === 0))
    a.bus.hold()
    for (let ahead = 1; ahead <= 100; ahead++) {
      for (const last of lasts) {
        const forged = Buffer.from(last ?? '')
        forged.writeUIntBE(forged.readUIntBE(18, 6) + ahead, 18, 6)
        stage.bus.plant('shop', forged)
      }
    }
    expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
    // What is forged comes in before that, and at the pace of the real ones.
    const { hits } = a.cache.stats()
    for (let ms = 0; ms < 5 * MAX_STALE_MS; ms += BEAT_MS) {
      await stage.advance(BEAT_MS)
      a.bus.release(2)
      await stage.settle()
      if (ms > MAX_STALE_MS) expect(await a.cache.get('k')).toBeUndefined()
    }
    expect(a.cache.stats()).toMatchObject({ hits, bus: { verified: false } })
  })
})

describe('frames that are none of ours (B37)', () => {
  test('are ignored and counted, and so are own ones that come back', async () => {
    await using stage = new BusStage()
    const { a } = await warmed(stage)
    const before = a.cache.stats().bus
    for (const frame of [Buffer.alloc(0), Buffer.from('garbage'), Buffer.alloc(FRAME_BYTES_MAX, 7)]) {
      stage.bus.plant('shop', frame)
    }
    // 100 MB: passed over by the bus.
    stage.bus.plant('shop', Buffer.alloc(100 * 1024 ** 2))
    await stage.settle()
    const after = a.cache.stats().bus
    expect(after).toMatchObject({ ignored: before.ignored + 4, received: before.received, verified: true })
    expect(after.doubts).toEqual(before.doubts)
    await a.cache.set('k', 'own')
    await stage.settle()
    expect(a.cache.stats().bus.echoes).toBe(after.echoes + 1)
    expect(await a.cache.get('k')).toBe('own')
    expect(a.cache.stats().hits.l1).toBe(1)
  })

  test('a frame that is too long is none, also where a bus hands it over', async () => {
    await using stage = new BusStage()
    const wide: Bus = {
      open: (environment, listener) =>
        stage.bus.open({ ...environment, frameBytesMax: Number.MAX_SAFE_INTEGER }, listener),
    }
    const l2 = withoutPush(memoryStore(stage.server))
    await using cache = createCache({ name: 'shop', clock: stage.clock, l2, l1: { mode: 'bus', bus: wide } })
    await stage.settle()
    const frame = Buffer.alloc(FRAME_BYTES_MAX + 1)
    frame.set([0x48, 0x62, 1, 1])
    stage.bus.plant('shop', frame)
    await stage.settle()
    expect(cache.stats().bus).toMatchObject({ ignored: 1, received: 0, publishers: 0, verified: true })
  })

  test('a newer version is told of once, and puts L1 in doubt for as long as it speaks', async () => {
    await using stage = new BusStage()
    const lines: string[] = []
    const { cache } = await stage.node({
      logger: { info: () => undefined, warn: (line) => void lines.push(line) },
    })
    const frame = Buffer.alloc(64)
    frame.set([0x48, 0x62, 2, 0])
    for (let i = 0; i < 3; i++) {
      stage.bus.plant('shop', frame)
      await stage.settle()
    }
    expect(lines).toEqual([
      'cache "shop": bus memory: frames of a newer version are ignored, and L1 is not used',
    ])
    await stage.advance(BEAT_MS)
    expect(cache.stats().bus.verified).toBe(true)
  })
})

describe('an L1 that is in doubt', () => {
  test('asks L2 for each read, and is used again when the next beat is back, object and all', async () => {
    await using stage = new BusStage()
    const { a } = await warmed(stage, { name: 'old' })
    const first = await a.cache.get('k')
    a.bus.disconnect()
    await stage.settle()
    const before = a.cache.stats().hits
    for (let i = 0; i < 3; i++) expect(await a.cache.get('k')).toBe(first)
    expect(a.cache.stats().hits).toEqual({ l1: before.l1, l2: before.l2 + 3 })
    expect(await a.cache.explain('k')).toMatchObject({
      l1: { present: true, verdict: 'unverified: the bus has not been heard of within maxStale' },
    })
    a.bus.reconnect()
    await stage.settle()
    expect(await a.cache.explain('k')).toMatchObject({
      l1: { present: true, verdict: 'unverified: something may have been missed since it was read' },
    })
    expect(await a.cache.get('k')).toBe(first)
    expect(await a.cache.get('k')).toBe(first)
    expect(a.cache.stats().hits).toEqual({ l1: before.l1 + 1, l2: before.l2 + 4 })
    expect(await a.cache.explain('k')).toMatchObject({ l1: { verdict: 'fresh' } })
  })

  test('is used as ever while L2 alone is away, and serves as stale what was last verified when both are', async () => {
    await using stage = new BusStage()
    const a = await stage.node({ staleIfError: '1h' })
    await a.cache.set('k', 'v')
    stage.bus.stop()
    await stage.advance(60_000)
    a.store.disconnect()
    const down = () => Promise.reject(new Error('database down'))
    expect(await a.cache.getOrSet('k', down)).toBe('v')
    expect(a.cache.stats().staleHits.l1).toBe(1)
  })

  test.each([{ push: false }, { push: true }])(
    'a read that was under way is answered all the same, and not put there: %o',
    async ({ push }) => {
      await using stage = new BusStage()
      const a = await stage.node({ push })
      await a.cache.set('k', 'v')
      await a.cache.set('other', 'v')
      expect(await a.cache.get('k', { consistency: 'strong' })).toBe('v')
      a.store.hold()
      const read = watched(a.cache.get('k', { consistency: 'strong' }))
      await stage.settle()
      a.bus.disconnect()
      a.bus.reconnect()
      await stage.settle()
      expect(a.cache.stats().bus).toMatchObject({ verified: true, doubts: { lost: 1 } })
      a.store.release()
      await stage.settle()
      expect(read()).toEqual({ value: 'v' })
      const { l1 } = a.cache.stats().hits
      await a.cache.get('k')
      expect(a.cache.stats().hits.l1).toBe(l1)
    },
  )

  test('a strong read is never answered by it', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    a.bus.hold()
    await b.cache.delete('k')
    await stage.settle()
    expect(await a.cache.get('k')).toBe('old')
    expect(await a.cache.get('k', { consistency: 'strong' })).toBeUndefined()
  })

  test('a machine that was suspended believes nothing from before, and no beat that was on its way', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    a.bus.hold()
    await stage.advance(BEAT_MS)
    stage.clock.shiftWall(3_600_000)
    expect(a.cache.stats().bus.verified).toBe(false)
    await b.cache.delete('k')
    a.bus.release(2)
    expect(a.cache.stats().bus.verified).toBe(false)
    expect(await a.cache.get('k')).toBeUndefined()
    a.bus.release()
    await stage.advance(BEAT_MS)
    expect(a.cache.stats().bus.verified).toBe(true)
  })

  test('who was cut off himself, and not told, misses nobody', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    a.bus.isCutOff = true
    await stage.advance(5 * MAX_STALE_MS)
    await b.cache.delete('k')
    a.bus.isCutOff = false
    await stage.advance(2 * BEAT_MS)
    expect(a.cache.stats().bus).toMatchObject({
      verified: true,
      publishers: 1,
      doubts: { vanished: 0, gap: 1 },
    })
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('who is behind misses nobody: silence is measured in own beats that came back', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    a.bus.hold()
    await stage.advance(5 * MAX_STALE_MS)
    expect(a.cache.stats().bus).toMatchObject({ verified: false, publishers: 1 })
    a.bus.release()
    await stage.settle()
    expect(a.cache.stats().bus).toMatchObject({ verified: true, publishers: 1, doubts: { vanished: 0 } })
    expect(await a.cache.get('k')).toBe('old')
    expect(b.cache.stats().bus.doubts.vanished).toBe(0)
  })
})

describe('publishers', () => {
  test('who says goodbye is missed by nobody', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    expect(a.cache.stats().bus.publishers).toBe(1)
    const { doubts } = a.cache.stats().bus
    await b.cache.close()
    await stage.advance(3 * MAX_STALE_MS)
    expect(a.cache.stats().bus).toMatchObject({ publishers: 0, verified: true, doubts })
  })

  test('a goodbye after something that was not heard is a gap', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    a.bus.loses = (frame) => frame[3] === 1
    await b.cache.delete('k')
    await b.cache.close()
    await stage.settle()
    expect(a.cache.stats().bus.doubts.gap).toBe(1)
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test.each([
    ['delete', (b: BusNode) => b.cache.delete('k'), { l2: 'applied' }],
    ['set', (b: BusNode) => b.cache.set('k', 'new'), { l2: 'applied', stored: true }],
  ])('who is closed during a %s ends that first, and tells of it', async (_, act, answer) => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const { doubts } = a.cache.stats().bus
    b.store.hold()
    const acting = watched(act(b))
    await stage.settle()
    const closing = watched(b.cache.close())
    await stage.settle()
    b.store.release()
    await stage.settle()
    expect([acting(), closing()]).toEqual([{ value: answer }, { value: { notApplied: 0 } }])
    expect(await a.cache.get('k')).not.toBe('old')
    expect(a.cache.stats().bus).toMatchObject({ publishers: 0, doubts })
  })

  test('who is closed during a write has told of its quarantine, and ends it first', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const { promise: committed, resolve: commit } = Promise.withResolvers<void>()
    b.store.hold()
    const writing = watched(b.cache.write({ keys: ['k'] }, () => committed))
    await stage.settle()
    const closing = watched(b.cache.close())
    await stage.settle()
    b.store.release()
    await stage.settle()
    expect(await a.cache.get('k')).toBeUndefined()
    expect(closing()).toBe('pending')
    commit()
    await stage.settle()
    expect(writing()).toEqual({ value: { value: undefined, l2: 'applied' } })
    expect(closing()).toEqual({ value: { notApplied: 0 } })
  })

  test('who is closed during a write that goes on for long leaves a gap behind', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    watched(b.cache.write({ keys: ['k'] }, () => new Promise<never>(() => undefined)))
    await stage.settle()
    const closing = watched(b.cache.close())
    await stage.advance(3_000)
    expect(closing()).toEqual({ value: { notApplied: 1 } })
    expect(a.cache.stats().bus).toMatchObject({ publishers: 0, verified: true, doubts: { gap: 1 } })
  })

  test.each([
    ['delete', (b: BusNode) => b.cache.delete('k')],
    ['set', (b: BusNode) => b.cache.set('k', 'new')],
  ])('who is closed without knowing what became of a %s leaves a gap behind', async (_, act) => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    b.store.hold()
    const acting = act(b)
    await stage.settle()
    const closing = watched(b.cache.close())
    await stage.advance(MAX_STALE_MS)
    expect(await acting).toMatchObject({ l2: 'queued' })
    expect(closing()).toEqual({ value: { notApplied: 1 } })
    expect(a.cache.stats().bus).toMatchObject({ publishers: 0, verified: true, doubts: { gap: 1 } })
    expect(await a.cache.get('k')).not.toBe('old')
  })

  test('who was away and has said nothing meanwhile is welcome back', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    b.bus.isCutOff = true
    await stage.advance(2 * MAX_STALE_MS)
    expect(a.cache.stats().bus).toMatchObject({ publishers: 0, doubts: { vanished: 1 } })
    b.bus.isCutOff = false
    await stage.advance(2 * BEAT_MS)
    expect(a.cache.stats().bus).toMatchObject({
      publishers: 1,
      verified: true,
      doubts: { gap: 0, stranger: 0 },
    })
  })

  test('names of one tick share a frame, and too many of them none', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    const { published } = b.cache.stats().bus
    const many = Array.from({ length: 500 }, (_, i) => `key ${i}`)
    await Promise.all(many.map((key) => b.cache.delete(key)))
    expect(b.cache.stats().bus.published).toBe(published + 1)
    const long = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(8_000, '0'))
    expect(await b.cache.deleteMany([...long, 'k'])).toEqual({ l2: 'applied' })
    expect(b.cache.stats().bus.published).toBe(published + 2)
    await stage.advance(BEAT_MS)
    expect(a.cache.stats().bus.doubts.gap).toBe(1)
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('who shares a secret hears each other, and nobody else', async () => {
    await using stage = new BusStage()
    const lines: string[] = []
    const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) }
    const secret = 'sixteen bytes or more'
    const [a, b] = [await stage.node({ secret, logger }), await stage.node({ secret })]
    const c = await stage.node()
    await b.cache.set('k', 'v')
    await stage.settle()
    await a.cache.get('k')
    expect(a.cache.stats().bus).toMatchObject({ publishers: 1, verified: true })
    expect(a.cache.stats().bus.ignored).toBeGreaterThan(0)
    expect(lines).toEqual([
      'cache "shop": bus memory: frames that nobody with the secret has signed are ignored',
    ])
    await b.cache.delete('k')
    await stage.settle()
    expect(await a.cache.get('k')).toBeUndefined()
    await stage.advance(BEAT_MS)
    // Whoever has none understands everybody.
    expect(c.cache.stats().bus.publishers).toBe(2)
  })
})

describe('the cache', () => {
  test('barrier: what was applied before it has been heard', async () => {
    await using stage = new BusStage()
    const { a, b } = await warmed(stage)
    a.bus.hold()
    await b.cache.delete('k')
    await stage.settle()
    expect(await a.cache.get('k')).toBe('old')
    const barrier = watched(a.cache.barrier())
    await stage.settle()
    expect(barrier()).toBe('pending')
    a.bus.release()
    await stage.settle()
    expect(barrier()).toEqual({ value: undefined })
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('barrier: rejects where the bus is away, or its answer is late', async () => {
    await using stage = new BusStage()
    const a = await stage.node()
    a.bus.hold()
    const late = watched(a.cache.barrier('100ms'))
    await stage.advance(100)
    expect(late()).toEqual({ error: 'bus_unavailable' })
    a.bus.release()
    const cut = watched(a.cache.barrier())
    a.bus.disconnect()
    await stage.settle()
    expect(cut()).toEqual({ error: 'bus_unavailable' })
    const away = watched(a.cache.barrier())
    await stage.settle()
    expect(away()).toEqual({ error: 'bus_unavailable' })
  })

  test('barrier: those of a tick share a beat', async () => {
    await using stage = new BusStage()
    const a = await stage.node()
    const { published } = a.cache.stats().bus
    await Promise.all(Array.from({ length: 100 }, () => a.cache.barrier()))
    expect(a.cache.stats().bus.published).toBe(published + 1)
  })

  test('barrier: one each ms is answered, however long the way there and back is', async () => {
    await using stage = new BusStage()
    const a = await stage.node()
    const onTheWay = Array.from({ length: 100 }, () => 0)
    const calls: (() => unknown)[] = []
    a.bus.hold()
    for (let ms = 0; ms < 2 * MAX_STALE_MS; ms++) {
      const { published } = a.cache.stats().bus
      calls.push(watched(a.cache.barrier()))
      await stage.clock.advance(1)
      onTheWay.push(a.cache.stats().bus.published - published)
      a.bus.release(onTheWay.shift())
    }
    a.bus.release()
    await stage.settle()
    expect(calls.filter((ended) => JSON.stringify(ended()) !== '{}').map((ended) => ended())).toEqual([])
    expect(a.cache.stats().bus.verified).toBe(true)
  })

  test('says in one line what is live', async () => {
    await using stage = new BusStage()
    const lines: string[] = []
    await stage.node({ logger: { info: (line) => void lines.push(line), warn: () => undefined } })
    expect(lines).toContain('cache "shop": L1 bus (memory), lru, at most 10000 entries; L2 memory')
  })

  test('closes its bus: no timer is left, and nothing is published any more', async () => {
    const stage = new BusStage()
    await warmed(stage)
    await stage[Symbol.asyncDispose]()
    expect(stage.bus.connections).toEqual([])
    expect(stage.clock.pendingTimers).toBe(0)
  })

  test('counts what it hears and says; without a bus nothing', async () => {
    await using stage = new BusStage()
    const { a } = await warmed(stage)
    const { published, received, echoes, doubts, ...rest } = a.cache.stats().bus
    expect(rest).toEqual({ online: true, verified: true, publishers: 1, refused: 0, ignored: 0 })
    expect(Math.min(published, received, echoes)).toBeGreaterThan(0)
    expect(Object.values(doubts).reduce((sum, count) => sum + count)).toBe(0)
    await using without = createCache({ name: 'shop' })
    expect(without.stats().bus).toMatchObject({ online: false, verified: false, published: 0 })
  })
})
