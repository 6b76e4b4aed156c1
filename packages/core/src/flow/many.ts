import { CacheError, show } from '../contracts.ts'
import type { Policy } from '../policy.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { getOrSet } from './get-or-set.ts'
import type { Loader } from './loader.ts'

/** What a bulk loader is told. */
export interface LoadManyContext {
  readonly signal: AbortSignal
}

/**
 * Loads several keys at once. Answers a Map by key, or an array in the order of the keys; a key without a value
 * (missing in the Map, undefined in the array) is not cached.
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
  const bulk = new BulkLoad(unique.size, callInTurn(rt, loader, policy))
  const answers = new Map<string, Promise<unknown>>()
  for (const [encoded, given] of unique) {
    const load: Loader = ({ signal }) => bulk.load(encoded, given, signal)
    const decide = () => bulk.decide(encoded)
    const answer = Promise.resolve(getOrSet(rt, encoded, load, policy, decide))
    answers.set(encoded, answer)
    answer.then(decide, decide)
  }
  return await Promise.all(keys.map((key) => answers.get(key.encoded)))
}

/** The bulk loader as one load: in its turn, and in the async context of nobody. */
function callInTurn<Key>(rt: Runtime, loader: ManyLoader<Key, unknown>, policy: Policy): BulkLoader<Key> {
  const { places } = rt.shared
  const placed = rt.isInsideLoader
  return async (keys, context) => {
    const turn = placed ? undefined : places.take(context.signal, policy.hardTimeoutMs)
    if (turn !== undefined) await turn
    try {
      return await rt.asLoader(() => loader(keys, context), placed)
    } finally {
      if (!placed) places.leave()
    }
  }
}

type BulkAnswer<Key> = ReadonlyMap<Key, unknown> | readonly unknown[]
type BulkLoader<Key> = (keys: readonly Key[], context: LoadManyContext) => Promise<BulkAnswer<Key>>

interface Wanted<Key> {
  readonly key: Key
  readonly signal: AbortSignal
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Gathers keys until every key of the call either wants to be loaded or does not (yet) need to be. */
class BulkLoad<Key> {
  readonly #loader: BulkLoader<Key>
  readonly #decided = new Set<string>()
  readonly #size: number
  #wanted: Wanted<Key>[] = []

  constructor(size: number, loader: BulkLoader<Key>) {
    this.#size = size
    this.#loader = loader
  }

  load(encoded: string, key: Key, signal: AbortSignal): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#wanted.push({ key, signal, resolve, reject })
    // Latecomers (a lease won after a wait, a refresh behind a stale answer) are gathered for one turn of the loop.
    if (this.#decided.size === this.#size) setImmediate(() => this.#run())
    this.decide(encoded)
    return promise
  }

  /** This key's fate is known for now: it is in, or it is not needed. */
  decide(encoded: string): void {
    if (this.#decided.size === this.#size) return
    this.#decided.add(encoded)
    if (this.#decided.size === this.#size) this.#run()
  }

  #run(): void {
    const batch = this.#wanted
    this.#wanted = []
    if (batch.length > 0) void runBatch(this.#loader, batch)
  }
}

/** Calls the bulk loader once and hands each key its value. Never rejects. */
async function runBatch<Key>(loader: BulkLoader<Key>, batch: readonly Wanted<Key>[]): Promise<void> {
  const keys = batch.map((wanted) => wanted.key)
  try {
    const answer = await loader(keys, { signal: allAborted(batch.map((wanted) => wanted.signal)) })
    const values = valuesOf(keys, answer)
    for (let i = 0; i < batch.length; i++) batch[i]?.resolve(values[i])
  } catch (error) {
    for (const wanted of batch) wanted.reject(error)
  }
}

/** The values in the order of the keys. Throws `invalid_load` where the answer does not fit the question. */
function valuesOf<Key>(keys: readonly Key[], answer: BulkAnswer<Key>): readonly unknown[] {
  if (answer instanceof Map) {
    const asked = new Set(keys)
    const unasked = [...answer.keys()].filter((key) => !asked.has(key))
    if (unasked.length > 0) {
      throw new CacheError(
        'invalid_load',
        `the bulk loader answered keys that were not asked for: ${unasked.slice(0, 5).map(show).join(', ')}`,
      )
    }
    return keys.map((key) => answer.get(key))
  }
  if (!Array.isArray(answer)) {
    throw new CacheError('invalid_load', `the bulk loader must answer a Map or an array, got ${show(answer)}`)
  }
  if (answer.length !== keys.length) {
    throw new CacheError(
      'invalid_load',
      `the bulk loader was asked for ${keys.length} keys (${keys.slice(0, 5).map(show).join(', ')}) and answered ${answer.length} values; answer a Map where some are missing`,
    )
  }
  return answer
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
