import { CacheError, show } from '../contracts.ts'
import type { LoadPlaces } from '../guard/load-places.ts'
import { encodeKey } from '../keys.ts'
import type { Policy } from '../policy.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { getOrSet } from './get-or-set.ts'
import type { Loader } from './loader.ts'

/** What a bulk loader is told. */
export interface LoadManyContext {
  readonly signal: AbortSignal
}

/**
 * Loads several keys at once. Answers a Map by key, in any order, or an array in the order of the keys; a key without a
 * value (missing in the Map, undefined in the array) is not cached. Anything else is `invalid_load` for all of them.
 */
export type ManyLoader<Key, T> = (
  keys: readonly Key[],
  context: LoadManyContext,
) =>
  | ReadonlyMap<Key, T | undefined>
  | readonly (T | undefined)[]
  | Promise<ReadonlyMap<Key, T | undefined> | readonly (T | undefined)[]>

/** One key of a bulk read: as the caller gave it, and as the cache knows it. */
export interface ManyKey<Key> {
  readonly given: Key
  readonly encoded: string
}

/**
 * The bulk form of getOrSet: each different key goes the way of a single one (tiers, lease, fence), and the keys that
 * have to be loaded are loaded by one call. A key whose lease another process holds does not hold up the others: they
 * are loaded and filled first, else two bulk loads could wait for each other.
 */
export async function getOrSetMany<Key>(
  rt: Runtime,
  keys: readonly ManyKey<Key>[],
  loader: ManyLoader<Key, unknown>,
  policy: Policy,
): Promise<unknown[]> {
  const unique = new Map(keys.map((key) => [key.encoded, key.given]))
  const place = new BulkPlace(rt, policy)
  const bulk = new BulkLoad(unique.size, placedLoader(rt, loader, place), () => place.exit())
  const answers = new Map<string, Promise<unknown>>()
  for (const [encoded, given] of unique) {
    const load: Loader = ({ signal }) => bulk.load(encoded, given, signal)
    const decide = () => bulk.decide(encoded)
    const call = { placed: true, turn: () => place.take(), onBlocked: decide }
    const answer = Promise.resolve(getOrSet(rt, encoded, load, policy, call))
    answers.set(encoded, answer)
    answer.then(decide, decide)
  }
  return await Promise.all(keys.map((key) => answers.get(key.encoded)))
}

/** The bulk loader, on its one place and in the async context of nobody. */
function placedLoader<Key>(rt: Runtime, loader: ManyLoader<Key, unknown>, place: BulkPlace): BulkLoader<Key> {
  return async (keys, context) => {
    place.enter()
    try {
      return await rt.asLoader(() => loader(keys, context), place.isInside)
    } finally {
      place.exit()
    }
  }
}

/**
 * The one place of a bulk call: taken before the first of its keys asks for a lease, left when it is known of all keys
 * what becomes of them, and nothing of it loads any more: not held while keys wait for loads of others. What is won
 * after that (another process died) is loaded without. A call inside of a loader takes none.
 */
class BulkPlace {
  readonly isInside: boolean
  readonly #places: LoadPlaces
  readonly #waitMs: number
  #turn: Promise<void> | undefined
  #isTaken = false
  /** The call until all of its keys are decided, and each run of its loader. */
  #users = 1

  constructor(rt: Runtime, policy: Policy) {
    this.isInside = rt.isInsideLoader
    this.#places = rt.shared.places
    this.#waitMs = policy.hardTimeoutMs
  }

  /** Rejects `overloaded`. */
  take(): Promise<void> {
    this.#turn ??= this.isInside ? Promise.resolve() : this.#take()
    return this.#turn
  }

  enter(): void {
    this.#users++
  }

  exit(): void {
    this.#users--
    if (this.#users > 0 || !this.#isTaken) return
    this.#isTaken = false
    this.#places.leave()
  }

  async #take(): Promise<void> {
    await this.#places.take(NEVER, this.#waitMs)
    if (this.#users > 0) this.#isTaken = true
    else this.#places.leave()
  }
}

const NEVER = new AbortController().signal

type BulkAnswer<Key> = ReadonlyMap<Key, unknown> | readonly unknown[]
type BulkLoader<Key> = (keys: readonly Key[], context: LoadManyContext) => Promise<BulkAnswer<Key>>

interface Wanted<Key> extends ManyKey<Key> {
  readonly signal: AbortSignal
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Gathers keys until every key of the call either wants to be loaded or does not (yet) need to be. */
class BulkLoad<Key> {
  readonly #loader: BulkLoader<Key>
  readonly #decided = new Set<string>()
  readonly #size: number
  readonly #onDecided: () => void
  #wanted: Wanted<Key>[] = []

  constructor(size: number, loader: BulkLoader<Key>, onDecided: () => void) {
    this.#size = size
    this.#loader = loader
    this.#onDecided = onDecided
  }

  load(encoded: string, given: Key, signal: AbortSignal): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#wanted.push({ given, encoded, signal, resolve, reject })
    // Latecomers (a lease won after a wait, a refresh behind a stale answer) are gathered for one turn of the loop.
    if (this.#decided.size === this.#size) setImmediate(() => this.#run())
    this.decide(encoded)
    return promise
  }

  /** This key's fate is known for now: it is in, or it is not needed. */
  decide(encoded: string): void {
    if (this.#decided.size === this.#size) return
    this.#decided.add(encoded)
    if (this.#decided.size < this.#size) return
    this.#run()
    this.#onDecided()
  }

  #run(): void {
    const batch = this.#wanted
    this.#wanted = []
    if (batch.length > 0) void runBatch(this.#loader, batch)
  }
}

/** Calls the bulk loader once and hands each key its value. Never rejects. */
async function runBatch<Key>(loader: BulkLoader<Key>, batch: readonly Wanted<Key>[]): Promise<void> {
  const keys = batch.map((wanted) => wanted.given)
  try {
    const answer = await loader(keys, { signal: allAborted(batch.map((wanted) => wanted.signal)) })
    const values = valuesOf(batch, answer)
    for (let i = 0; i < batch.length; i++) batch[i]?.resolve(values[i])
  } catch (error) {
    for (const wanted of batch) wanted.reject(error)
  }
}

/** The values in the order of the keys. Throws `invalid_load` where the answer does not fit the question. */
function valuesOf<Key>(keys: readonly ManyKey<Key>[], answer: BulkAnswer<Key>): readonly unknown[] {
  if (answer instanceof Map) {
    // By their texts: a tuple is as good as another one of the same parts.
    const byText = new Map(Array.from(answer, ([key, value]) => [textOf(key), value]))
    const asked = new Set<unknown>(keys.map(({ encoded }) => encoded))
    const unasked = [...answer.keys()].filter((key) => !asked.has(textOf(key)))
    if (unasked.length > 0) throw wrongAnswer(keys, `keys that were not asked for: ${showKeys(unasked)}`)
    return keys.map(({ encoded }) => byText.get(encoded))
  }
  if (!Array.isArray(answer)) {
    throw wrongAnswer(keys, `${show(answer)}; it must be a Map, or an array in the order of the keys`)
  }
  if (answer.length !== keys.length) {
    throw wrongAnswer(keys, `${counted(answer.length, 'value')}; answer a Map where some are missing`)
  }
  return answer
}

function textOf(key: unknown): string | undefined {
  try {
    return encodeKey(key)
  } catch {
    return undefined
  }
}

function wrongAnswer(keys: readonly ManyKey<unknown>[], answered: string): CacheError {
  const asked = `${counted(keys.length, 'key')} (${showKeys(keys.map(({ given }) => given))})`
  return new CacheError('invalid_load', `the bulk loader was asked for ${asked} and answered ${answered}`)
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

// Of thousands the first few say enough.
const KEYS_SHOWN_MAX = 5

function showKeys(keys: readonly unknown[]): string {
  const shown = keys.slice(0, KEYS_SHOWN_MAX).map(showKey)
  return keys.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ')
}

/** A tuple by its parts. */
function showKey(key: unknown): string {
  return show(Array.isArray(key) ? (textOf(key) ?? key) : key)
}

/** Fires when every one of the signals has: the bulk load is still wanted as long as one key is. */
function allAborted(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  let left = signals.length
  for (const signal of signals) {
    const leave = () => {
      left--
      if (left === 0) controller.abort(signal.reason)
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  }
  return controller.signal
}
