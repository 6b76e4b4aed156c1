import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { type MemoryEntry, MemoryStore, type RemovalReason, type SetOutcome } from './memory-store.ts'
import type { PolicyName } from './policy.ts'

/** Who may leave next, kept in the plainest way. */
interface Reference {
  added(key: string, forgetAt: number): void
  used(key: string): void
  replaced(key: string, forgetAt: number): void
  removed(key: string): void
  /** Any of these may be the next to leave. */
  candidates(): string[]
}

function referenceLru(): Reference {
  let order: string[] = []
  const touch = (key: string) => {
    order = [...order.filter((other) => other !== key), key]
  }
  return {
    added: touch,
    used: touch,
    replaced: touch,
    removed: (key) => {
      order = order.filter((other) => other !== key)
    },
    candidates: () => order.slice(0, 1),
  }
}

function referenceLfu(): Reference {
  // In the order of leaving: by count, then by the time the count was reached.
  let order: { key: string; count: number }[] = []
  let uses = 0
  const place = (key: string, count: number) => {
    order = order.filter((other) => other.key !== key)
    const behind = order.findIndex((other) => other.count > count)
    order.splice(behind < 0 ? order.length : behind, 0, { key, count })
    if (++uses < 10 * order.length) return
    uses = 0
    for (const each of order) each.count = Math.floor(each.count / 2)
  }
  const use = (key: string) => {
    const count = order.find((each) => each.key === key)?.count ?? Number.NaN
    place(key, Math.min(255, count + 1))
  }
  return {
    added: (key) => place(key, 1),
    used: use,
    replaced: use,
    removed: (key) => {
      order = order.filter((other) => other.key !== key)
    },
    candidates: () => order.slice(0, 1).map((each) => each.key),
  }
}

function referenceTtl(): Reference {
  const moments = new Map<string, number>()
  const put = (key: string, forgetAt: number) => void moments.set(key, forgetAt)
  return {
    added: put,
    used: () => {},
    replaced: put,
    removed: (key) => void moments.delete(key),
    candidates: () => {
      const soonest = Math.min(...moments.values())
      return [...moments.keys()].filter((key) => moments.get(key) === soonest)
    },
  }
}

function referenceRandom(): Reference {
  const keys = new Set<string>()
  return {
    added: (key) => void keys.add(key),
    used: () => {},
    replaced: () => {},
    removed: (key) => void keys.delete(key),
    candidates: () => [...keys],
  }
}

function referenceNone(): Reference {
  return { added() {}, used() {}, replaced() {}, removed() {}, candidates: () => [] }
}

const references: Record<PolicyName, () => Reference> = {
  lru: referenceLru,
  lfu: referenceLfu,
  ttl: referenceTtl,
  random: referenceRandom,
  none: referenceNone,
}

interface Item extends MemoryEntry {
  readonly serial: number
}

type Command =
  | { readonly do: 'set'; readonly key: string; readonly weightBytes: number; readonly lifeMs: number }
  | { readonly do: 'get' | 'peek' | 'delete'; readonly key: string }
  | { readonly do: 'retime'; readonly key: string; readonly lifeMs: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'sweep'; readonly visitedMax: number }
  | { readonly do: 'deleteWhere'; readonly weightBytes: number }
  | { readonly do: 'clear' }

/** What commands are drawn from. */
interface World {
  readonly keys: readonly string[]
  readonly entries: { readonly min: number; readonly max: number }
  readonly bytes: { readonly min: number; readonly max: number }
  readonly weightMax: number
  readonly lifeMsMax: number
  readonly commands: number
  readonly runs: number
  /** Whether a failure is worth the time to make it small. */
  readonly shrinks: boolean
}

function commandOf({ keys, weightMax, lifeMsMax }: World): fc.Arbitrary<Command> {
  const key = fc.constantFrom(...keys)
  const lifeMs = fc.oneof(
    { weight: 5, arbitrary: fc.nat(lifeMsMax) },
    { weight: 1, arbitrary: fc.constant(Infinity) },
  )
  const weightBytes = fc.nat(weightMax)
  return fc.oneof(
    { weight: 200, arbitrary: fc.record({ do: fc.constant('set' as const), key, weightBytes, lifeMs }) },
    { weight: 150, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
    { weight: 25, arbitrary: fc.record({ do: fc.constantFrom('peek' as const, 'delete' as const), key }) },
    { weight: 25, arbitrary: fc.record({ do: fc.constant('retime' as const), key, lifeMs }) },
    { weight: 40, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(10) }) },
    { weight: 20, arbitrary: fc.record({ do: fc.constant('sweep' as const), visitedMax: fc.nat(5) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('deleteWhere' as const), weightBytes }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
  )
}

/** A store and its model side by side; every step does the same to both and compares. */
class Twin {
  readonly #policy: PolicyName
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #keys: readonly string[]
  readonly #store: MemoryStore<Item>
  #reference: Reference
  readonly #held = new Map<string, Item>()
  #removals: { key: string; reason: RemovalReason }[] = []
  #now = 0
  #serial = 0
  #evictions = 0
  #expirations = 0

  constructor(
    policy: PolicyName,
    keys: readonly string[],
    bounds: { readonly maxEntries: number; readonly maxBytes: number },
    random: () => number,
  ) {
    this.#policy = policy
    this.#maxEntries = bounds.maxEntries
    this.#maxBytes = bounds.maxBytes
    this.#keys = keys
    this.#reference = references[policy]()
    const clock: Clock = {
      now: () => this.#now,
      wallNow: () => this.#now,
      random,
      after: () => ({ cancel: () => {} }),
      token: () => '',
    }
    const onRemove = (entry: Item, reason: RemovalReason) => {
      this.#removals.push({ key: entry.key, reason })
      throw new Error('a callback that throws changes nothing')
    }
    this.#store = new MemoryStore({ ...bounds, policy, clock, onRemove })
  }

  step(command: Command): void {
    this.#removals = []
    switch (command.do) {
      case 'set':
        this.#set(command.key, command.weightBytes, command.lifeMs)
        break
      case 'get':
        this.#get(command.key)
        break
      case 'peek':
        expect(this.#store.peek(command.key)).toBe(this.#living(command.key))
        break
      case 'delete':
        expect(this.#store.delete(command.key)).toBe(this.#held.get(command.key))
        this.#drop(command.key)
        break
      case 'retime': {
        const item = this.#held.get(command.key)
        if (item !== undefined) item.forgetAt = this.#now + command.lifeMs
        break
      }
      case 'advance':
        this.#now += command.ms
        break
      case 'sweep': {
        const removed = this.#store.sweep(command.visitedMax)
        expect(removed).toBe(this.#removals.length)
        expect(removed).toBeLessThanOrEqual(command.visitedMax)
        while (this.#removals.length > 0) this.#acceptRemoval()
        break
      }
      case 'deleteWhere': {
        const keys = [...this.#held.values()]
          .filter((item) => item.weightBytes === command.weightBytes)
          .map((item) => item.key)
        expect(this.#store.deleteWhere((item) => item.weightBytes === command.weightBytes)).toBe(keys.length)
        for (const key of keys) this.#drop(key)
        break
      }
      case 'clear':
        this.#store.clear()
        this.#held.clear()
        this.#reference = references[this.#policy]()
        break
    }
    this.#compare()
  }

  /** As many steps as slots there can be, of one slot each, remove all that is forgotten. */
  sweepAll(): void {
    this.#removals = []
    for (let i = 0; i < this.#slotsMax; i++) expect(this.#store.sweep(1)).toBeLessThanOrEqual(1)
    while (this.#removals.length > 0) this.#acceptRemoval()
    expect(this.#forgotten()).toEqual([])
    this.#compare()
  }

  #set(key: string, weightBytes: number, lifeMs: number): void {
    const item: Item = { key, weightBytes, forgetAt: this.#now + lifeMs, serial: this.#serial++ }
    const outcome = this.#store.set(item)
    expect(outcome).toBe(this.#modelSet(item))
  }

  #modelSet(item: Item): SetOutcome {
    if (item.weightBytes > this.#maxBytes) {
      this.#drop(item.key)
      return 'too_large'
    }
    while (!this.#fits(item)) {
      const candidates = this.#reference.candidates()
      if (candidates.length === 1 && candidates[0] === item.key) this.#drop(item.key)
      else if (this.#removals.length > 0) this.#acceptVictim(candidates)
      else {
        expect(this.#policy).toBe('none')
        // A refused set looks at 100 slots: at all there are, where they cannot be more.
        if (this.#slotsMax <= 100) expect(this.#forgotten()).toEqual([])
        this.#drop(item.key)
        return 'full'
      }
    }
    // What a refused set of policy 'none' swept beyond its need.
    while (this.#policy === 'none' && this.#removals.length > 0) this.#acceptRemoval()
    const isHeld = this.#held.has(item.key)
    this.#held.set(item.key, item)
    if (isHeld) this.#reference.replaced(item.key, item.forgetAt)
    else this.#reference.added(item.key, item.forgetAt)
    return 'stored'
  }

  #acceptVictim(candidates: string[]): void {
    if (this.#policy !== 'none') expect(candidates).toContain(this.#removals[0]?.key)
    this.#acceptRemoval()
  }

  #acceptRemoval(): void {
    const removal = this.#removals.shift()
    const item = removal === undefined ? undefined : this.#held.get(removal.key)
    if (item === undefined) throw new Error(`${removal?.key} left, and was not held`)
    const isForgotten = this.#isForgotten(item)
    expect(removal?.reason).toBe(isForgotten ? 'expired' : 'evicted')
    if (isForgotten) this.#expirations++
    else this.#evictions++
    this.#drop(item.key)
  }

  #get(key: string): void {
    const living = this.#living(key)
    expect(this.#store.get(key)).toBe(living)
    if (living !== undefined) this.#reference.used(key)
    else if (this.#held.has(key)) this.#acceptRemoval()
  }

  #compare(): void {
    expect(this.#removals).toEqual([])
    const weightBytes = [...this.#held.values()].reduce((sum, item) => sum + item.weightBytes, 0)
    expect(weightBytes).toBeLessThanOrEqual(this.#maxBytes)
    expect(this.#held.size).toBeLessThanOrEqual(this.#maxEntries)
    const store = this.#store
    const counted = [store.size, store.weightBytes, store.evictions, store.expirations, store.callbackErrors]
    const removed = this.#evictions + this.#expirations
    expect(counted).toEqual([this.#held.size, weightBytes, this.#evictions, this.#expirations, removed])
    const wrong = this.#keys.filter((key) => store.peek(key) !== this.#living(key))
    expect(wrong).toEqual([])
    const listed = [...store.entries()].map((item) => item.serial).sort((a, b) => a - b)
    const living = [...this.#held.values()].filter((item) => !this.#isForgotten(item))
    expect(listed).toEqual(living.map((item) => item.serial).sort((a, b) => a - b))
  }

  #fits(item: Item): boolean {
    const others = [...this.#held.values()].filter((held) => held.key !== item.key)
    const weightBytes = others.reduce((sum, held) => sum + held.weightBytes, item.weightBytes)
    return others.length < this.#maxEntries && weightBytes <= this.#maxBytes
  }

  // Held slots, and vacant ones: an eighth of them, or 64.
  get #slotsMax(): number {
    return this.#maxEntries + Math.max(64, this.#maxEntries >> 3)
  }

  #living(key: string): Item | undefined {
    const item = this.#held.get(key)
    return item === undefined || this.#isForgotten(item) ? undefined : item
  }

  #forgotten(): Item[] {
    return [...this.#held.values()].filter((item) => this.#isForgotten(item))
  }

  #isForgotten(item: Item): boolean {
    return this.#now >= item.forgetAt
  }

  #drop(key: string): void {
    if (this.#held.delete(key)) this.#reference.removed(key)
  }
}

const small: World = {
  keys: ['a', 'b', 'c', 'd', 'e', '', '__proto__', 'constructor', 'toString', '\ud800'],
  entries: { min: 1, max: 8 },
  bytes: { min: 1, max: 60 },
  weightMax: 30,
  lifeMsMax: 30,
  commands: 120,
  runs: 100,
  shrinks: true,
}

// More entries than the arrays begin with, so that these grow with entries in them.
const large: World = {
  keys: Array.from({ length: 220 }, (_, i) => `key:${i}`),
  entries: { min: 70, max: 130 },
  bytes: { min: 1000, max: 3000 },
  weightMax: 30,
  lifeMsMax: 20_000,
  commands: 1500,
  runs: 2,
  shrinks: false,
}

function play(policy: PolicyName, world: World): void {
  const { commands } = world
  const property = fc.property(
    fc.integer(world.entries),
    fc.integer(world.bytes),
    fc.integer({ min: 1, max: 0x7fff_fffe }),
    fc.array(commandOf(world), { minLength: commands / 2, maxLength: commands, size: 'max' }),
    (maxEntries, maxBytes, seed, commands) => {
      const twin = new Twin(policy, world.keys, { maxEntries, maxBytes }, lehmer(seed))
      for (const command of commands) twin.step(command)
      twin.sweepAll()
    },
  )
  fc.assert(property, { numRuns: world.runs, endOnFailure: !world.shrinks })
}

/** Lehmer's generator (Park and Miller, 1988): random enough, and replayed by its seed. */
function lehmer(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 0x7fff_ffff
    return state / 0x7fff_ffff
  }
}

const policies: readonly PolicyName[] = ['lru', 'lfu', 'ttl', 'random', 'none']

describe.each(policies)('a store with policy %s', (policy) => {
  test('does as its model does, whatever is asked of it', () => play(policy, small))

  test('does as its model does while its arrays grow', () => play(policy, large))
})
