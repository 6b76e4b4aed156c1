import { type ManualClock, manualClock } from '@holdfast/testkit'
import { CacheError } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import type { RingItem, RingItems } from './ring-items.ts'
import { RingMembership, type RingPhase } from './ring-membership.ts'
import { decodeRecord, encodeRecord, outranks, type RingRecord } from './ring-record.ts'
import { RingSealer } from './ring-sealer.ts'

/** What one server keeps of the rings of one namespace. */
class Server implements RingItems {
  record: (RingItem & { cas: string }) | undefined
  readonly sealed = new Set<string>()
  /** Epochs that have a token of their own, by which something is stored. */
  readonly stored = new Set<string>()
  isAway = false
  /** Of whatever is sealed here. */
  sealCas = 'sealed'
  seals = 0
  /** Runs ahead of the next write: others come between. */
  between: (() => Promise<unknown>) | undefined
  #cas = 0

  async look(epoch: string) {
    this.#answer()
    const token = this.sealed.has(epoch) ? { isSealed: true, cas: this.sealCas } : undefined
    const stored = this.stored.has(epoch) ? { isSealed: false, cas: 'stored' } : undefined
    return { record: this.record, token: token ?? stored }
  }

  async glance(epoch: string) {
    this.#answer()
    return { mark: this.record?.mark, isSealed: this.sealed.has(epoch) }
  }

  async write(record: RingItem, cas: string | undefined) {
    const { between } = this
    this.between = undefined
    await between?.()
    this.#answer()
    if (this.record?.cas !== cas) return false
    this.record = { ...record, cas: `${++this.#cas}` }
    return true
  }

  async prolong(epoch: string) {
    return await this.glance(epoch)
  }

  async seal(epoch: string) {
    this.seals++
    this.#answer()
    this.sealed.add(epoch)
    this.stored.delete(epoch)
  }

  async renew(epoch: string, cas: string) {
    this.#answer()
    if (cas === (this.sealed.has(epoch) ? this.sealCas : 'stored')) {
      this.sealed.delete(epoch)
      this.stored.delete(epoch)
    }
  }

  #answer(): void {
    if (this.isAway) throw new CacheError('l2_unavailable', 'away')
  }
}

const TIMEOUT_MS = 250

function record(epoch: string, version: number, since: number, ...servers: string[]): RingRecord {
  return { epoch, version, since, servers }
}

/** A process that uses this ring, and knows these servers. */
function processOf(ring: RingRecord, known: Readonly<Record<string, Server>>, clock: ManualClock) {
  const sealer = new RingSealer({ clock, timeoutMs: TIMEOUT_MS, itemsOn: (address) => known[address] })
  const owner = {
    by: () => clock.now() + TIMEOUT_MS,
    seal: (other: RingRecord, here: RingItems) => sealer.seal(other, here),
  }
  const membership = new RingMembership(ring, owner)
  const admit = (items: RingItems, phase: Partial<RingPhase> = {}) =>
    membership.admit(items, { state: 'entering', renews: false, ...phase })
  return {
    admit,
    /** Whether it is admitted. */
    enters: async (items: RingItems) => (await admit(items)) !== undefined,
    prolong: (items: RingItems, isInUse = false) => membership.prolong(items, isInUse),
  }
}

describe('a record', () => {
  test('is read as it was written', () => {
    const ring = record('abc', 12, 1_700_000_000_000, 'a:11211', 'b:11211')
    expect(decodeRecord(encodeRecord(ring))).toEqual(ring)
  })

  test.each([
    '',
    'x',
    '[]',
    '1',
    'null',
    '{"v":2}',
    '{"v":1,"epoch":1}',
    '{"v":1,"epoch":"a","version":1,"since":1,"servers":[1]}',
  ])('of %j is none', (text) => {
    expect(decodeRecord(text)).toBeUndefined()
  })

  test('outranks one of an earlier list, or of the same number that came earlier; of two exactly one', () => {
    const rings = [
      record('a', 0, 5),
      record('b', 0, 5),
      record('a', 0, 6),
      record('a', 1, 1),
      record('b', 2, 0),
    ]
    for (const [i, one] of rings.entries()) {
      for (const [j, other] of rings.entries()) {
        if (i !== j) expect(outranks(one, other)).toBe(!outranks(other, one))
      }
    }
    expect(rings.toSorted((a, b) => (outranks(a, b) ? 1 : -1)).map(({ version }) => version)).toEqual([
      0, 0, 0, 1, 2,
    ])
  })
})

describe('a ring is admitted to a server', () => {
  const clock = manualClock({ seed: 1 })
  const old = record('old', 1, 1, 'a', 'b')
  const current = record('new', 2, 2, 'a', 'c')

  test('that knows of none, or of the same one', async () => {
    const a = new Server()
    expect(await processOf(old, { a }, clock).enters(a)).toBe(true)
    const { record: first } = a
    expect(await processOf(old, { a }, clock).enters(a)).toBe(true)
    expect(a.record).toBe(first)
  })

  test('whose ring is an earlier one, after that was sealed wherever it is known', async () => {
    const [a, b, c] = [new Server(), new Server(), new Server()]
    const earlier = processOf(old, { a, b }, clock)
    for (const server of [a, b]) expect(await earlier.enters(server)).toBe(true)
    const later = processOf(current, { a, b, c }, clock)
    expect(await later.enters(a)).toBe(true)
    expect([a.sealed.has('old'), b.sealed.has('old')]).toEqual([true, true])
    expect(decodeRecord(a.record?.text ?? '')?.epoch).toBe('new')
    expect([await earlier.enters(a), await earlier.enters(b)]).toEqual([false, false])
    expect([await earlier.prolong(a), await later.prolong(a)]).toEqual([false, true])
  })

  test('where the one before is sealed although its list has another name for this server', async () => {
    const server = new Server()
    const earlier = processOf(record('old', 0, 1, '127.0.0.1:1'), { '127.0.0.1:1': server }, clock)
    await earlier.admit(server)
    const later = processOf(record('new', 0, 2, 'localhost:1'), { 'localhost:1': server }, clock)
    expect(await later.enters(server)).toBe(true)
    expect([...server.sealed]).toEqual(['old'])
  })

  test('not where the one before cannot be sealed there', async () => {
    const server = new Server()
    await processOf(old, { a: server }, clock).admit(server)
    const seal = server.seal.bind(server)
    server.seal = () => Promise.reject(new CacheError('l2_timeout', 'late'))
    const later = processOf(current, {}, clock)
    await expect(later.admit(server)).rejects.toMatchObject({ code: 'l2_timeout' })
    expect(decodeRecord(server.record?.text ?? '')?.epoch).toBe('old')
    server.seal = seal
    expect(await later.enters(server)).toBe(true)
  })

  test('not where a later one is in use', async () => {
    const a = new Server()
    await processOf(current, { a }, clock).admit(a)
    expect(await processOf(old, { a }, clock).enters(a)).toBe(false)
    expect(a.seals).toBe(0)
  })

  test('where it was sealed, once nobody prolongs the record of the other: nothing sealed stays so', async () => {
    const a = new Server()
    const earlier = processOf(old, { a }, clock)
    await earlier.admit(a)
    await processOf(current, { a }, clock).admit(a)
    a.record = undefined
    expect(await earlier.enters(a)).toBe(true)
    expect([...a.sealed]).toEqual([])
  })

  test('and not prolonged where it is sealed: a process that asks for nothing would keep all others out', async () => {
    const a = new Server()
    const ring = processOf(old, { a }, clock)
    await ring.admit(a)
    expect(await ring.prolong(a)).toBe(true)
    await a.seal('old')
    expect(await ring.prolong(a)).toBe(false)
  })

  test('and says there whether somebody waits, until it is used', async () => {
    const [a, b] = [new Server(), new Server()]
    await processOf(record('before', 0, 0, 'a', 'x'), { a }, clock).admit(a)
    const [first, second] = [processOf(old, { a, b }, clock), processOf(old, { a, b }, clock)]
    expect([await first.admit(a), await first.admit(b)]).toMatchObject([
      { state: 'clear', follows: true },
      { state: 'clear', follows: false },
    ])
    expect(await first.admit(a)).toMatchObject({ state: 'clear' })
    expect([await second.admit(a), await second.admit(b)]).toMatchObject([
      { state: 'entering' },
      { state: 'clear' },
    ])
    expect([await first.prolong(a, false), await first.prolong(a, true)]).toEqual([true, false])
    expect(await first.admit(a, { state: 'in-use' })).toMatchObject({ state: 'in-use' })
    expect(await first.prolong(a, true)).toBe(true)
    expect(await second.admit(a)).toMatchObject({ state: 'in-use' })
  })

  test('by two that come at the same time, of whom each says when he has nothing to wait for', async () => {
    const [a, b] = [new Server(), new Server()]
    for (const server of [a, b])
      await processOf(record('before', 0, 0, 'a', 'b'), { a, b }, clock).admit(server)
    const [first, second] = [processOf(old, { a, b }, clock), processOf(old, { a, b }, clock)]
    await Promise.all([first.admit(a), second.admit(b)])
    expect([await first.admit(b), await second.admit(a)]).toMatchObject([
      { state: 'entering' },
      { state: 'entering' },
    ])
    // What another waits for one does not know.
    expect(await first.admit(b, { state: 'clear' })).toMatchObject({ state: 'entering' })
    await Promise.all([first.admit(a, { state: 'clear' }), second.admit(b, { state: 'clear' })])
    expect([await first.admit(b), await second.admit(a)]).toMatchObject([
      { state: 'clear' },
      { state: 'clear' },
    ])
  })

  test('whose answer was lost: what it told of another ring is told again, and what that sealed is not refused', async () => {
    const a = new Server()
    await processOf(record('before', 0, 0, 'a', 'x'), { a }, clock).admit(a)
    a.sealed.add('old')
    const ring = processOf(old, { a }, clock)
    const renew = a.renew.bind(a)
    a.renew = () => Promise.reject(new CacheError('l2_timeout', 'late'))
    await expect(ring.admit(a)).rejects.toMatchObject({ code: 'l2_timeout' })
    expect(decodeRecord(a.record?.text ?? '')?.epoch).toBe('old')
    a.renew = renew
    const first = await ring.admit(a)
    expect(first).toMatchObject({ state: 'clear', follows: true })
    expect(await first?.sealing?.everywhere).toBe(false)
    expect([...a.sealed]).toEqual(['before'])
    expect((await ring.admit(a))?.sealing).toBe(first?.sealing)
    await a.seal('old')
    a.sealCas = 'later'
    expect(await ring.admit(a)).toBeUndefined()
  })

  test('which has nothing of what was stored before another ring was in use', async () => {
    const [a, c] = [new Server(), new Server()]
    const ring = record('again', 3, 3, 'a', 'c')
    a.sealed.add('again')
    a.stored.add('again')
    c.stored.add('again')
    const process = processOf(ring, { a, c }, clock)
    expect(await process.admit(a)).toMatchObject({ follows: true })
    expect(await process.admit(c)).toMatchObject({ follows: false })
    expect(c.stored.has('again')).toBe(true)
    await process.admit(c, { renews: true })
    expect([a.sealed.has('again'), c.stored.has('again')]).toEqual([false, false])
  })

  test('not while it is sealed under its own record: somebody is about to write his', async () => {
    const a = new Server()
    const earlier = processOf(old, { a }, clock)
    await earlier.admit(a)
    await a.seal('old')
    expect(await earlier.enters(a)).toBe(false)
  })

  test('or another, where two come at the same moment: the later one stays', async () => {
    for (const [first, second] of [
      [old, current],
      [current, old],
    ] as const) {
      const a = new Server()
      const other = processOf(second, { a }, clock)
      a.between = () => other.admit(a)
      const one = processOf(first, { a }, clock)
      await one.admit(a)
      expect(decodeRecord(a.record?.text ?? '')?.epoch).toBe('new')
      expect([await one.enters(a), await other.enters(a)]).toEqual([first === current, second === current])
      expect(a.sealed.has('new')).toBe(false)
    }
  })

  test('that is not ours to connect to is left alone, and one that is away is owed its seal', async () => {
    const [a, b] = [new Server(), new Server()]
    await processOf(old, { a, b }, clock).admit(a)
    b.isAway = true
    let isAdmitted: boolean | undefined
    const later = processOf(current, { a, b }, clock)
    later.enters(a).then((answer) => {
      isAdmitted = answer
    })
    await clock.advance(TIMEOUT_MS - 1)
    expect(isAdmitted).toBeUndefined()
    await clock.advance(1)
    expect(isAdmitted).toBe(true)
    b.isAway = false
    await clock.advance(5_000)
    expect(b.sealed.has('old')).toBe(true)
    const { seals } = b
    await clock.advance(60_000)
    expect(b.seals).toBe(seals)
  })
})
