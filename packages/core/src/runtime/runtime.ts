import { AsyncLocalStorage } from 'node:async_hooks'
import type { BusLink } from '../bus/bus-link.ts'
import { callHook } from '../call-hook.ts'
import type { Codec } from '../codec/codec.ts'
import type { NamedTypes } from '../codec/named-types.ts'
import { type Clock, show } from '../contracts.ts'
import { showError } from '../errors.ts'
import type { EventHook } from '../event-hook.ts'
import { type CacheEvent, Recorder } from '../events.ts'
import { FailingLoads } from '../guard/failing-loads.ts'
import type { LoadPlaces } from '../guard/load-places.ts'
import { Flights } from '../guard/single-flight.ts'
import { WaitBudget } from '../guard/wait-budget.ts'
import { Wakes } from '../guard/wakes.ts'
import { CellsByPart } from '../invalidation/cells-by-part.ts'
import type { Fence } from '../invalidation/fence.ts'
import { type PendingRead, PendingReads } from '../invalidation/pending-reads.ts'
import type { CellWatch, TagCell, TagCells } from '../invalidation/tag-cells.ts'
import type { MemoryStore } from '../memory/memory-store.ts'
import type { Isolation, L1Mode, Logger } from '../options.ts'
import type { Counters, MissReason } from '../stats.ts'
import type { CachedValue } from './cached-value.ts'
import type { Found } from './found.ts'
import { type GuardedStore, L2Link, type LinkEvents } from './l2-link.ts'
import type { LoadOutcome } from './load-outcome.ts'
import type { NewsOfServers } from './server-news.ts'
import type { UnderWay } from './under-way.ts'

/** What all namespaces of one cache share. */
export interface Shared {
  readonly clock: Clock
  readonly fence: Fence
  readonly logger: Logger | undefined
  readonly hook: EventHook<CacheEvent> | undefined
  readonly counters: Counters
  /** undefined: L1 is off. */
  readonly memory: MemoryStore<CachedValue> | undefined
  readonly mode: L1Mode | 'bus'
  /** Δ. */
  readonly maxStaleMs: number
  readonly l2: GuardedStore | undefined
  /** Where the mode is 'bus'. */
  readonly bus: BusLink | undefined
  readonly places: LoadPlaces
  readonly codec: Codec
  readonly types: NamedTypes
  readonly isolation: Isolation
  readonly l2TimeoutMs: number
  readonly maxValueBytes: number
  /** Calls that change something, and what they leave to be done behind them. */
  readonly underWay: UnderWay
  /** By the cell that each of a namespace's entries carries first: whose it is. */
  readonly owners: Map<TagCell | undefined, Runtime>
}

// Keys whose last tags, or last way out of L1, are remembered: two strings each.
const REMEMBERED_KEYS_MAX = 10_000
// Tags of which this process keeps the token: about 150 bytes each.
const CELLS_MAX = 100_000
const NOTHING_WATCHED: CellWatch = { cells: [], changes: [] }

/**
 * Runs a function in the async context of nobody: a shared load must not see one caller's storage. It is the context in
 * which this module was first imported: import it statically, not inside of a request.
 */
const asNobody: <T>(run: () => T) => T = AsyncLocalStorage.snapshot()
/** A loader that is running, by the places that it is counted in; `outer`: the one that asked for it. */
interface LoaderMark {
  readonly places: LoadPlaces
  readonly outer: LoaderMark | undefined
  isOver: boolean
}

/** The loader in which the present call runs. */
const loaderOf = new AsyncLocalStorage<LoaderMark>()

/** The state of one namespace: everything the flows work on. It decides nothing. */
export class Runtime implements LinkEvents {
  readonly shared: Shared
  readonly clock: Clock
  readonly fence: Fence
  readonly name: string
  /** Set before each of this namespace's keys in L1. */
  readonly prefix: string
  readonly recorder: Recorder
  readonly cells: CellsByPart
  readonly pendings: PendingReads = new PendingReads()
  readonly flights: Flights<LoadOutcome, Found>
  readonly failing: FailingLoads
  readonly wakes: Wakes
  readonly link: L2Link | undefined
  readonly news?: NewsOfServers
  /** Replaced by every tag invalidation of this process (rule T', for values that only this process holds). */
  localEpoch: string
  /** No call is begun any more; those that were may go on. */
  closed = false
  /** Nothing is done any more: what was under way had its time. */
  ended = false
  readonly #tagHints = new Map<string, readonly string[]>()
  readonly #exits = new Map<string, MissReason>()
  readonly #part: ((key: string) => number) | undefined
  #marks = 0
  readonly #hookFailed = (error: unknown): void => void this.recorder.hookFailed(error)

  constructor(shared: Shared, name: string, prefix: string) {
    this.shared = shared
    this.clock = shared.clock
    this.fence = shared.fence
    this.name = name
    this.prefix = prefix
    this.recorder = new Recorder(name, shared.counters, shared.hook, (error) => this.#eventHookFailed(error))
    this.cells = new CellsByPart(shared.clock, CELLS_MAX, ({ namespace }) =>
      shared.owners.set(namespace, this),
    )
    this.flights = new Flights((running) => shared.fence.mayFollow(running))
    this.failing = new FailingLoads(shared.clock)
    this.wakes = new Wakes(shared.clock)
    this.localEpoch = shared.clock.token()
    // Once a cache: inner namespaces share its servers.
    if (prefix === '')
      this.news = (what, server, error) => this.recorder.trouble(what, undefined, error, server)
    this.link = shared.l2 === undefined ? undefined : new L2Link(shared.l2, name, shared, this)
    this.#part = this.link?.ops.part
  }

  /** The next number of the one order in which calls, loads and fills are compared (rules J and L). */
  mark(): number {
    return ++this.#marks
  }

  /** The cells that hold the tokens of where L2 keeps this key now. */
  cellsOf(key: string): TagCells {
    return this.#part === undefined ? this.cells.home : this.cells.at(this.#part(key))
  }

  /**
   * Notes how cells stand before their tokens are asked for. While an invalidation is owed nothing is learned: L2 still
   * answers the tokens that it is about, and what L1 holds from before it would match again (rule Q).
   */
  watchCells(cells: TagCells, tags: readonly string[], namespace: boolean): CellWatch {
    return this.link?.usable === false ? NOTHING_WATCHED : cells.watch(tags, namespace)
  }

  budget(): WaitBudget {
    return new WaitBudget(this.clock, this.shared.l2TimeoutMs)
  }

  /** The link, where L2 may be read and filled now (rule Q). */
  usableLink(): L2Link | undefined {
    return this.link?.usable ? this.link : undefined
  }

  /** Whether tokens held in cells are kept true by pushes. */
  get tracking(): boolean {
    return this.link?.store.capabilities.push === true
  }

  /**
   * Runs a loader in the async context of nobody, but for a mark while places are short: a load inside of it must not
   * wait for the place that it stands on. Below half, no mark: before Node 24 the first one makes every promise of
   * the process slower. What waits unmarked all the same is let in after a second (guard/load-places.ts).
   */
  async asLoader<T>(run: () => T | Promise<T>, placed: boolean): Promise<T> {
    const { places } = this.shared
    const outer = loaderOf.getStore()
    if (outer === undefined && !placed && !places.isHalfTaken) return await asNobody(run)
    const mark: LoaderMark = { places, outer, isOver: false }
    try {
      return await asNobody(() => loaderOf.run(mark, run))
    } finally {
      // What the loader started and left behind (a timer, a pool) is inside of nothing any more.
      mark.isOver = true
    }
  }

  /** Whether the present call comes, at some remove, from a loader of this cache that is marked and running. */
  get isInsideLoader(): boolean {
    for (let mark = loaderOf.getStore(); mark !== undefined; mark = mark.outer) {
      if (mark.places === this.shared.places && !mark.isOver) return true
    }
    return false
  }

  /** Tags that this key carried last: asked for along with its next read. */
  tagHints(key: string): readonly string[] {
    return this.#tagHints.get(key) ?? []
  }

  rememberTags(key: string, tags: readonly string[]): void {
    if (tags.length === 0) return
    remember(this.#tagHints, key, tags)
  }

  /** Why this key is no longer in L1, said once. */
  takeExit(key: string): MissReason | undefined {
    const reason = this.#exits.get(key)
    if (reason !== undefined) this.#exits.delete(key)
    return reason
  }

  rememberExit(key: string, reason: MissReason): void {
    remember(this.#exits, key, reason)
  }

  /** This process, or a push, says that the key's value is no longer what L1 and the reads under way hold. */
  dropKey(key: string, reason: MissReason): void {
    this.pendings.kill(key)
    if (this.shared.memory?.delete(this.prefix + key) !== undefined) this.rememberExit(key, reason)
  }

  /**
   * A write of this process is stored in L2: what L1 holds, and reads under way have found, gives way to it. No push will
   * say so, because a store does not tell a connection of its own fills and puts.
   */
  supersede(key: string, mine: PendingRead): void {
    this.pendings.killOthers(mine)
    this.shared.memory?.delete(this.prefix + key)
  }

  keyChanged(key: string): void {
    this.dropKey(key, 'invalidated')
    this.wakes.wake(key)
  }

  leaseChanged(key: string): void {
    this.wakes.wake(key)
  }

  tagChanged(tag: string): void {
    this.cells.kill(tag)
  }

  namespaceChanged(): void {
    this.cells.killNamespace()
  }

  everythingUnknown(): void {
    this.pendings.killAll()
    this.cells.forgetAll()
    this.wakes.wakeAll()
  }

  valuesUnverified(): void {
    this.pendings.killAll()
    // Where pushes keep tokens true they are so still.
    if (!this.tracking) this.cells.forgetAll()
  }

  heldTags(max: number): readonly string[] {
    return this.cells.nextHeld(max)
  }

  trouble(error: unknown): void {
    this.recorder.trouble('l2.write_failed', undefined, error)
  }

  connected(server: string, version: string): void {
    // One line a cache: inner namespaces share its connection.
    if (this.prefix === '') this.log('info', `cache ${show(this.name)}: L2 is ${server} ${version}`)
  }

  /** Without a logger, warnings are process warnings: a server that is refused must not go unnoticed. */
  log(level: 'info' | 'warn', message: string): void {
    const { logger } = this.shared
    if (logger !== undefined) callHook(() => logger[level](message), this.#hookFailed)
    else if (level === 'warn') process.emitWarning(message, 'HoldfastWarning')
  }

  /** Said in the log, too: a user who listens by `onEvent` alone would not hear that it fails. */
  #eventHookFailed(error: unknown): void {
    if (!this.recorder.hookFailed(error)) return
    this.log(
      'warn',
      `cache ${show(this.name)}: onEvent failed, and goes on being called: ${showError(error)}`,
    )
  }
}

/** Remembers within the bound; the oldest goes first. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= REMEMBERED_KEYS_MAX && !map.has(key)) {
    for (const oldest of map.keys()) {
      map.delete(oldest)
      break
    }
  }
  map.set(key, value)
}
