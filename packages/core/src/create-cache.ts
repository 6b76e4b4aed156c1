import { BusLink } from './bus/bus-link.ts'
import { type BusRules, busRules } from './bus/bus-rules.ts'
import { checkBus } from './bus/check-bus.ts'
import { Cache } from './cache.ts'
import { createCodec } from './codec/codec.ts'
import { NamedTypes } from './codec/named-types.ts'
import { Breaker, CacheError, type Clock, type Store, systemClock } from './contracts.ts'
import { durationMs, sizeBytes } from './duration.ts'
import { invalidArgument, invalidUnquoted, show } from './errors.ts'
import { EventHook } from './event-hook.ts'
import { LoadPlaces } from './guard/load-places.ts'
import { type Fence, fence } from './invalidation/fence.ts'
import type { TagCell } from './invalidation/tag-cells.ts'
import { checkName } from './keys.ts'
import { ENTRIES_MAX, MemoryStore, type RemovalReason } from './memory/memory-store.ts'
import type { CacheOptions, L1Mode, L1Options } from './options.ts'
import { checkNames, defaultPolicy, optionOfCalls } from './policy.ts'
import type { CachedValue } from './runtime/cached-value.ts'
import { hearChange } from './runtime/hear-change.ts'
import { Runtime, type Shared } from './runtime/runtime.ts'
import { UnderWay } from './runtime/under-way.ts'
import { Counters } from './stats.ts'

const CACHE_OPTION_NAMES = [
  'name',
  'l1',
  'l2',
  'ttl',
  'swr',
  'staleIfError',
  'negativeTtl',
  'jitter',
  'earlyRefresh',
  'softTimeout',
  'hardTimeout',
  'l2Timeout',
  'maxConcurrentLoads',
  'maxValueBytes',
  'isolation',
  'types',
  'codec',
  'logger',
  'onEvent',
  'clock',
]
const L1_OPTION_NAMES = ['maxEntries', 'maxBytes', 'policy', 'mode', 'maxStale', 'bus']

const MAX_ENTRIES = 10_000
const MAX_BYTES = 64 * 1024 ** 2
const MAX_STALE_MS = 1000
// Three heartbeats are sent in it, each of a few commands: less is a load of its own.
const MAX_STALE_MS_MIN = 10
const L2_TIMEOUT_MS = 250
const MAX_VALUE_BYTES = 1024 ** 2
// Far above what one database serves at once, and far below what harms the process.
const MAX_CONCURRENT_LOADS = 256
const MAX_CONCURRENT_LOADS_MAX = 1_000_000
// Each namespace has tag cells and single flights of its own: they are for parts of a product, not for its users.
const NAMESPACES_MAX = 10_000
// Forgotten entries that nobody asks for are swept in steps of this size and pace: 10,000 entries a second.
const SWEEP_EVERY_MS = 100
const SWEEP_VISITED_MAX = 1000
// For what is under way when a cache is closed: many times l2Timeout, and well within the 10 to 30 s that a process is
// granted to end.
const CLOSING_MS = 3000

/**
 * Makes a cache. It never fails for want of a server: L2 may be down and is used as soon as it is there. Throws
 * `invalid_argument` for a mistake in the options, naming it. Close it to end its socket and timers.
 */
export function createCache(options: CacheOptions): Cache {
  return createCacheWith(options, fence)
}

/** createCache with other rules: for the checks that switch one off. */
export function createCacheWith(options: CacheOptions, rules: Fence, rulesOfBus: BusRules = busRules): Cache {
  checkNames('options', options, CACHE_OPTION_NAMES, optionOfCalls)
  const name = checkName('name', options.name)
  const {
    name: _,
    l1,
    l2,
    l2Timeout,
    maxConcurrentLoads,
    maxValueBytes,
    isolation,
    types,
    codec,
    logger,
    onEvent,
    clock = systemClock,
    ...entry
  } = options
  const policy = defaultPolicy(entry)
  if (l1 !== undefined && l1 !== false) checkL1(l1)
  if (l2 !== undefined && typeof l2?.open !== 'function')
    throw invalidUnquoted('l2', "a store, e.g. redis('redis://127.0.0.1')", l2)
  if (isolation !== undefined && !['freeze', 'clone', 'share'].includes(isolation)) {
    throw invalidArgument('isolation', "'freeze', 'clone' or 'share'", isolation)
  }
  const named = new NamedTypes(types === undefined ? [] : types)
  const maxStaleMs =
    l1 === undefined || l1 === false ? MAX_STALE_MS : orDefault('l1.maxStale', l1.maxStale, MAX_STALE_MS)
  if (maxStaleMs < MAX_STALE_MS_MIN)
    throw invalidArgument('l1.maxStale', `at least ${MAX_STALE_MS_MIN}ms`, maxStaleMs)
  const bytes = maxValueBytes === undefined ? MAX_VALUE_BYTES : sizeBytes('maxValueBytes', maxValueBytes)
  const l2TimeoutMs = orDefault('l2Timeout', l2Timeout, L2_TIMEOUT_MS)
  const wrapped = createCodec(codec === undefined ? { types: named } : { types: named, wrap: codec })
  const places = new LoadPlaces(clock, checkLoads(maxConcurrentLoads))
  const mode = checkMode(l1)
  checkHooks(logger, onEvent, clock)
  const log = (level: 'info' | 'warn', message: string) => root.log(level, `cache ${show(name)}: ${message}`)
  const bus = checkBus(l1, l2 !== undefined)
  const wantsPush = l1 !== false && !['bus', 'none'].includes(mode ?? 'tracked')
  // The next miss of a key says why it left L1.
  const owners = new Map<TagCell | undefined, Runtime>()
  const memory =
    l1 === false
      ? undefined
      : createMemory(l1 ?? {}, clock, (entry, reason) => {
          const owner = owners.get(entry.cells[0])
          owner?.rememberExit(entry.key.slice(owner.prefix.length), reason)
        })
  const namespaces = new Map<string, Runtime>()
  const createBreaker = (guarded: Store): Breaker =>
    new Breaker({
      clock,
      l2TimeoutMs,
      probe: () => guarded.barrier(clock.now() + l2TimeoutMs),
      opened(failures, calls, cause) {
        root.recorder.trouble('l2.breaker_opened', undefined, cause, guarded.address)
        const text = `${failures} of the last ${calls} calls found it away or too late`
        log('warn', `L2 ${guarded.address}: ${text}; going on without it until it answers`)
        root.link?.serversChanged()
      },
      closed(how) {
        if (how === 'answered') log('info', `L2 ${guarded.address}: answers again`)
        for (const rt of namespaces.values()) rt.link?.answersAgain()
      },
    })
  // Everything is checked by now: what is opened must end up in a cache that can be closed.
  const store = l2?.open({
    clock,
    cacheName: name,
    tracking: wantsPush ? 'values' : 'tokens',
    heartbeatMs: maxStaleMs / 3,
    l2TimeoutMs,
    maxValueBytes: bytes,
    log,
  })
  if (store !== undefined && !store.capabilities.push && (mode === 'strong' || mode === 'tracked')) {
    store.close().catch(() => undefined)
    throw invalidArgument('l1.mode', "'bus' or 'none': this shared tier does not tell of changes", mode)
  }
  const openBus = (): BusLink | undefined => {
    if (bus === undefined) return undefined
    const settings = { bus, clock, topic: name, maxStaleMs, rules: rulesOfBus, log }
    try {
      return new BusLink(settings, {
        changed(change) {
          const rt = namespaces.get(change.namespace)
          if (rt !== undefined) hearChange(rt, change)
        },
        everythingChanged() {
          for (const rt of namespaces.values()) rt.link?.inDoubt()
        },
        trouble(what, error, change) {
          const rt = change === undefined ? root : namespaces.get(change.namespace)
          const key = change === undefined || change.kind === 'namespace' ? undefined : change.names[0]
          rt?.recorder.trouble(what, key, error, shared.bus?.address)
        },
      })
    } catch (error) {
      store?.close().catch(() => undefined)
      throw error
    }
  }
  const shared: Shared = {
    clock,
    fence: rules,
    logger,
    hook: onEvent === undefined ? undefined : new EventHook(onEvent),
    counters: new Counters(),
    memory,
    mode: mode ?? (store?.capabilities.push === true ? 'tracked' : 'none'),
    maxStaleMs,
    l2: store === undefined ? undefined : { store, breaker: createBreaker(store) },
    bus: openBus(),
    places,
    codec: wrapped,
    types: named,
    isolation: isolation ?? 'freeze',
    l2TimeoutMs,
    maxValueBytes: bytes,
    underWay: new UnderWay(),
    owners,
  }
  const open = (full: string, prefix: string): Runtime => {
    const opened = new Runtime(shared, full, prefix)
    namespaces.set(full, opened)
    return opened
  }
  const root = open(segment(name), '')
  const stopSweeping = sweepRegularly(clock, memory)
  let closing: Promise<{ notApplied: number }> | undefined
  const close = () => {
    closing ??= closeAll([...namespaces.values()], shared, stopSweeping)
    return closing
  }
  const door = (rt: Runtime): Cache => {
    const inner = (child: string) => {
      const full = `${rt.name}/${segment(child)}`
      checkName('namespace', full)
      const known = namespaces.get(full)
      if (known === undefined && namespaces.size >= NAMESPACES_MAX) {
        throw invalidArgument('namespace', `at most ${NAMESPACES_MAX} namespaces of one cache`, child)
      }
      // NUL begins no key: see encodeKey.
      return door(known ?? open(full, `\0${full.length}:${full}`))
    }
    return new Cache(rt, policy, inner, close)
  }
  root.log('info', describe(name, shared, l1, store?.address))
  return door(root)
}

/** One step of a namespace's path: no two paths share a name. */
function segment(name: string): string {
  return name.replace(/[\\/]/g, '\\$&')
}

function createMemory(
  options: L1Options,
  clock: Clock,
  onRemove: (entry: CachedValue, reason: RemovalReason) => void,
): MemoryStore<CachedValue> {
  const { maxEntries = MAX_ENTRIES, policy = 'lru' } = options
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1 || maxEntries > ENTRIES_MAX) {
    throw invalidArgument('l1.maxEntries', `a whole number from 1 to ${ENTRIES_MAX}`, maxEntries)
  }
  return new MemoryStore<CachedValue>({
    maxEntries,
    maxBytes: options.maxBytes === undefined ? MAX_BYTES : sizeBytes('l1.maxBytes', options.maxBytes),
    policy,
    clock,
    onRemove,
  })
}

function checkL1(l1: L1Options): void {
  if (typeof l1 !== 'object' || l1 === null) {
    throw invalidArgument('l1', 'an object of options, false, or nothing (L1 is on then)', l1)
  }
  checkNames('l1', l1, L1_OPTION_NAMES)
}

function checkMode(l1: L1Options | false | undefined): L1Mode | 'bus' | undefined {
  const mode = l1 === false ? undefined : l1?.mode
  if (mode === undefined || ['strong', 'tracked', 'bus', 'none'].includes(mode)) return mode
  throw invalidArgument('l1.mode', "'strong', 'tracked', 'bus' or 'none'", mode)
}

function checkLoads(max: unknown): number {
  if (max === undefined) return MAX_CONCURRENT_LOADS
  if (typeof max === 'number' && Number.isSafeInteger(max) && max >= 1 && max <= MAX_CONCURRENT_LOADS_MAX)
    return max
  throw invalidArgument('maxConcurrentLoads', `a whole number from 1 to ${MAX_CONCURRENT_LOADS_MAX}`, max)
}

function checkHooks(logger: unknown, onEvent: unknown, clock: unknown): void {
  const has = (host: unknown, ...names: string[]) =>
    typeof host === 'object' &&
    host !== null &&
    names.every((name) => typeof Reflect.get(host, name) === 'function')
  if (logger !== undefined && !has(logger, 'info', 'warn')) {
    throw invalidArgument('logger', 'an object with the functions info and warn', logger)
  }
  if (onEvent !== undefined && typeof onEvent !== 'function')
    throw invalidArgument('onEvent', 'a function', onEvent)
  if (!has(clock, 'now', 'wallNow', 'after', 'random', 'token')) {
    throw invalidArgument('clock', 'a Clock', clock)
  }
}

function orDefault(name: string, value: unknown, otherwise: number): number {
  return value === undefined ? otherwise : durationMs(name, value)
}

function sweepRegularly(clock: Clock, memory: MemoryStore<CachedValue> | undefined): () => void {
  if (memory === undefined) return () => undefined
  let timer = clock.after(SWEEP_EVERY_MS, sweep)
  function sweep(): void {
    memory?.sweep(SWEEP_VISITED_MAX)
    timer = clock.after(SWEEP_EVERY_MS, sweep)
  }
  return () => timer.cancel()
}

async function closeAll(
  runtimes: readonly Runtime[],
  shared: Shared,
  stopSweeping: () => void,
): Promise<{ notApplied: number }> {
  stopSweeping()
  for (const rt of runtimes) rt.closed = true
  // What L2 acknowledges has to be told of on the bus, and what it does not is owed; a quarantine that is left behind keeps
  // every other process from storing its names until it ends.
  const [unfinished] = await Promise.all([
    shared.underWay.ended(shared.clock, CLOSING_MS),
    ...runtimes.map((rt) => rt.flights.abortAll(closedDuringLoad(rt.name))),
  ])
  for (const rt of runtimes) rt.ended = true
  const owed = await Promise.all(runtimes.map((rt) => rt.link?.close() ?? 0))
  const notApplied = owed.reduce((sum, one) => sum + one, unfinished)
  // L2 may have it all the same, or never: as after a crash, everybody asks it.
  if (notApplied > 0) shared.bus?.owe(() => true)
  shared.memory?.clear()
  shared.l2?.breaker.close()
  await Promise.all([shared.bus?.close(shared.clock.now() + shared.l2TimeoutMs), shared.l2?.store.close()])
  return { notApplied }
}

function closedDuringLoad(name: string): CacheError {
  return new CacheError('closed', `cache ${show(name)} was closed during the load`)
}

function describe(
  name: string,
  shared: Shared,
  l1: L1Options | false | undefined,
  address: string | undefined,
): string {
  const upkeep = describeUpkeep(shared)
  const memory =
    l1 === false
      ? 'off'
      : `${upkeep}, ${l1?.policy ?? 'lru'}, at most ${l1?.maxEntries ?? MAX_ENTRIES} entries`
  return `cache ${show(name)}: L1 ${shared.l2 === undefined ? memory.replace(`${upkeep}, `, '') : memory}; L2 ${address ?? 'none'}`
}

/** "none" alone would read as if there were no L1. */
function describeUpkeep({ mode, bus, maxStaleMs }: Shared): string {
  if (mode === 'none') return `up to ${maxStaleMs / 1000} s behind other processes (mode none)`
  return bus === undefined ? mode : `${mode} (${bus.address})`
}
