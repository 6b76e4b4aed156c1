import { hostNow } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import type { AppAnswer, AppSetup, Order } from './app-contract.ts'
import { Calls } from './calls.ts'
import { pause } from './clock.ts'
import { DatabaseClient } from './database-client.ts'
import type { FromApp } from './messages.ts'
import { openCache } from './open-cache.ts'
import { keyName, type Row } from './row.ts'
import { type Progress, Tally } from './tally.ts'
import { Ticker } from './ticker.ts'
import { TICK_MS, Traffic } from './traffic.ts'
import { takeVitals, type Vitals } from './vitals.ts'
import { WindowRecorder } from './window-recorder.ts'

const CONNECT_MS_MAX = 10_000
// Every call has its answer long before: one that has not is a finding.
const REST_MS_MAX = 10_000
const PEEK_SLICE = 500
// After a collection of all garbage the calls that it held up are answered within this.
const RECOVER_MS = 250
const CHUNK_BYTES = 2 ** 20

/** One application process: a cache, the load on it, and a record of all that it saw. */
export class SoakedApp {
  readonly database: DatabaseClient
  readonly #cache: Cache
  readonly #recorder: WindowRecorder
  readonly #calls: Calls
  readonly #traffic: Traffic
  readonly #ticker: Ticker
  readonly #tally = new Tally()
  readonly #leaked: Row[] = []
  #isCalm = true
  #recoveredMs = 0

  constructor(setup: AppSetup, send: (message: FromApp) => void) {
    const { name, plan, windows } = setup
    this.database = new DatabaseClient((requests) => send({ kind: 'query', requests }))
    this.#cache = openCache(setup)
    this.#recorder = new WindowRecorder(name, windows, (file) =>
      send({ kind: 'window', file, progress: this.#progress() }),
    )
    this.#ticker = new Ticker(TICK_MS, (dueMs) => {
      this.#recorder.turn(hostNow())
      this.#traffic.tick(dueMs)
    })
    this.#calls = new Calls({
      cache: this.#cache,
      database: this.database,
      recorder: this.#recorder,
      tally: this.#tally,
      lagMs: () => this.#ticker.lagMs,
      isCalm: () => this.#isCalm && hostNow() > this.#recoveredMs,
      onLoaded: (row) => {
        if (plan.mutation === 'leak') this.#leaked.push({ ...row })
      },
    })
    this.#traffic = new Traffic(this.#calls, name, plan)
  }

  async obey(order: Order): Promise<AppAnswer> {
    switch (order.order) {
      case 'connect':
        await this.#connect()
        break
      case 'drive':
        this.#ticker.start()
        break
      case 'calm':
        this.#isCalm = order.isCalm
        break
      case 'allow-writes':
        this.#traffic.isWriting = order.isAllowed
        break
      case 'stall':
        stall(order.ms)
        break
      case 'press':
        await press(order.bytes, order.ms)
        break
      case 'take-vitals':
        return this.#answer({ vitals: this.#takeVitals() })
      case 'read':
        return this.#answer({ versions: await this.#calls.versions(order.keys) })
      case 'peek':
        return this.#answer({ versions: await this.#peek(order.keys) })
      case 'rest':
        await this.#rest()
        break
      case 'close':
        await this.#cache.close()
        this.#recorder.close()
        break
    }
    return this.#answer({})
  }

  #answer(more: Pick<AppAnswer, 'vitals' | 'versions'>): AppAnswer {
    const { l2, flights } = this.#cache.stats()
    return {
      isOnline: l2.online,
      owed: l2.queuedInvalidations,
      flights,
      underWay: this.#calls.underWay,
      progress: this.#progress(),
      ...more,
    }
  }

  #progress(): Progress {
    this.#tally.shed = this.#traffic.shed
    return this.#tally.progress()
  }

  async #connect(): Promise<void> {
    const giveUpMs = hostNow() + CONNECT_MS_MAX
    while (!this.#cache.stats().l2.online) {
      if (hostNow() > giveUpMs) throw new Error(`not connected after ${CONNECT_MS_MAX} ms`)
      await pause(1)
    }
  }

  #takeVitals(): Vitals {
    const vitals = takeVitals()
    this.#recoveredMs = hostNow() + RECOVER_MS
    return vitals
  }

  async #peek(keys: readonly number[]): Promise<readonly number[]> {
    // Where L2 does not answer, that is told of already: what this process holds is looked at all the same.
    await this.#cache.barrier().catch(() => undefined)
    const versions: number[] = []
    for (let i = 0; i < keys.length; i += PEEK_SLICE) {
      const rows = await this.#cache.getMany<Row>(keys.slice(i, i + PEEK_SLICE).map(keyName))
      versions.push(...rows.map((row) => row?.version ?? 0))
    }
    return versions
  }

  async #rest(): Promise<void> {
    this.#ticker.stop()
    const giveUpMs = hostNow() + REST_MS_MAX
    while (this.#calls.underWay > 0 || this.#cache.stats().flights > 0) {
      if (hostNow() > giveUpMs) return
      await pause(10)
    }
  }
}

/** Blocks the event loop, as a long computation does: replies, pushes and timers gather meanwhile. */
function stall(ms: number): void {
  const untilMs = hostNow() + ms
  while (hostNow() < untilMs);
}

/** Much that lives, and much that does not: collections are long and frequent. */
async function press(bytes: number, ms: number): Promise<void> {
  const held: unknown[] = []
  const untilMs = hostNow() + ms
  while (hostNow() < untilMs) {
    // Small objects, which a collection has to walk; a full set is let go and begun anew.
    if (held.length * CHUNK_BYTES >= bytes) held.splice(0, held.length / 2)
    held.push(Array.from({ length: CHUNK_BYTES / 64 }, (_, i) => ({ i })))
    await pause(1)
  }
}
