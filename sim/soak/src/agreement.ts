import { hostNow } from '@holdfast/testkit'
import type { AppAnswer } from './app-contract.ts'
import { pause } from './clock.ts'
import { type Fleet, NAMESPACE } from './fleet.ts'
import { openObserver } from './open-cache.ts'
import { keyName, type Row } from './row.ts'

// The keys that every process is asked for, again and again, until all answers are the database's: the hottest ones.
const ASKED_KEYS = 500
const POLL_MS = 50
// Keys of one order, and of one reading of L2.
const PEEK_KEYS = 5000

/** How it ended. */
export interface Agreement {
  /** From the last fault until all agreed; undefined: not in time. */
  readonly tookMs: number | undefined
  /** What the last look found against it. */
  readonly against: readonly string[]
}

/**
 * Waits until every process is connected, owes nothing, and answers what the database has; nobody may write meanwhile.
 * Looks at least once, and gives up when `msMax` have passed since `sinceMs`.
 */
export async function agreement(
  fleet: Fleet,
  keys: number,
  sinceMs: number,
  msMax: number,
): Promise<Agreement> {
  const asked = Array.from({ length: Math.min(ASKED_KEYS, keys) }, (_, key) => key)
  for (;;) {
    const answers = await fleet.askAll({ order: 'read', keys: asked })
    const tookMs = hostNow() - sinceMs
    const against = answers.flatMap((answer, i) => disagreements(fleet, i, asked, answer))
    if (against.length === 0 && tookMs <= msMax) return { tookMs, against }
    if (tookMs > msMax) {
      const late = against.length === 0 ? [`all agree, after ${tookMs.toFixed(0)} ms`] : against
      return { tookMs: undefined, against: late }
    }
    await pause(POLL_MS)
  }
}

function disagreements(
  { apps, database }: Fleet,
  i: number,
  asked: readonly number[],
  { isOnline, owed, versions = [] }: AppAnswer,
): readonly string[] {
  const name = apps[i]?.name ?? ''
  const others = asked.filter((key) => versions[key] !== database.version(key))
  return [
    ...(isOnline ? [] : [`${name} is not connected`]),
    ...(owed === 0 ? [] : [`${name} owes ${owed} invalidations`]),
    ...(others.length === 0 ? [] : [`${name} answers ${others.length} of ${asked.length} keys otherwise`]),
  ]
}

/** Looks at every key in every process, and in L2 itself, when all are at rest: what is held must be the database's. */
export async function sweep(fleet: Fleet, keys: number): Promise<void> {
  await using observer = openObserver(fleet.tier.server.url, NAMESPACE)
  for (let first = 0; first < keys; first += PEEK_KEYS) {
    const slice = Array.from({ length: Math.min(PEEK_KEYS, keys - first) }, (_, i) => first + i)
    const answers = await fleet.askAll({ order: 'peek', keys: slice })
    for (const [i, { versions = [] }] of answers.entries())
      compare(fleet, fleet.apps[i]?.name ?? '', slice, versions)
    const rows = await observer.getMany<Row>(slice.map(keyName))
    const held = rows.map((row) => row?.version ?? 0)
    compare(fleet, 'L2', slice, held)
  }
}

function compare(
  { database, scoreboard }: Fleet,
  holder: string,
  keys: readonly number[],
  versions: readonly number[],
): void {
  for (const [i, key] of keys.entries()) {
    const [held, current] = [versions[i], database.version(key)]
    if (held === undefined || held === 0 || held === current) continue
    scoreboard.found(
      `(a) at rest ${holder} holds version ${held} of ${keyName(key)}, and the database ${current}`,
    )
  }
}
