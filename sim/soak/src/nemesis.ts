import type { AppProcess } from './app-process.ts'
import { pause } from './clock.ts'
import type { Database } from './database.ts'
import type { FaultKind, PlannedFault } from './fault-plan.ts'
import type { SharedTier } from './shared-tier.ts'

/** What faults are done to. */
export interface Victims {
  readonly tier: SharedTier
  readonly database: Database
  readonly apps: readonly AppProcess[]
}

type Deed = (fault: PlannedFault, victims: Victims) => Promise<void>

const PRESSED_BYTES = 200 * 2 ** 20
// An event loop is blocked for at least this: less is an ordinary collection.
const STALL_MS = { min: 1000, max: 3000 } as const

/** Each resolves when what it did is undone. */
const DEEDS: Readonly<Record<FaultKind, Deed>> = {
  'kill-empty': async ({ holdMs }, { tier }) => {
    await tier.killEmpty()
    await pause(holdMs)
    await tier.server.restart()
  },
  'kill-old-data': async ({ holdMs }, { tier }) => {
    await tier.save()
    // What happens from here on is in no snapshot.
    await pause(holdMs / 2)
    await tier.server.kill()
    await pause(holdMs / 2)
    await tier.server.restart()
  },
  failover: async ({ holdMs }, { tier }) => {
    const replica = await tier.addReplica()
    await tier.server.kill()
    await pause(holdMs / 2)
    await tier.promote(replica)
  },
  freeze: async ({ holdMs }, { tier }) => {
    tier.server.pause()
    await pause(holdMs)
    tier.server.resume()
  },
  cut: async (fault, { tier }) => await repeat(fault, async () => tier.proxy.cut()),
  slow: async ({ holdMs, delayMs, jitterMs }, { tier }) => {
    tier.proxy.inject({ delayMs, jitterMs })
    await pause(holdMs)
    tier.proxy.heal()
  },
  blackhole: async ({ holdMs, times }, { tier }) => {
    tier.proxy.inject({ blackhole: true })
    await pause(holdMs)
    // What it swallowed arrives late, or never.
    if (times % 2 === 0) tier.proxy.cut()
    tier.proxy.heal()
  },
  torn: async ({ holdMs, bytes }, { tier }) => {
    tier.proxy.inject({ resetAfterBytes: bytes })
    await pause(holdMs)
    tier.proxy.heal()
  },
  'out-of-memory': async ({ holdMs }, { tier }) => {
    await tier.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await tier.server.cli('CONFIG', 'SET', 'maxmemory', '1mb')
    await pause(holdMs)
    await tier.server.cli('CONFIG', 'SET', 'maxmemory', '0')
  },
  flush: async (fault, { tier }) => await repeat(fault, () => tier.server.cli('FLUSHALL')),
  'script-flush': async (fault, { tier }) => await repeat(fault, () => tier.server.cli('SCRIPT', 'FLUSH')),
  'client-kill': async (fault, { tier }) =>
    await repeat(fault, () => tier.server.cli('CLIENT', 'KILL', 'TYPE', 'normal')),
  'heap-pressure': async ({ holdMs, app }, { apps }) => {
    await apps[app]?.ask({ order: 'press', bytes: PRESSED_BYTES, ms: holdMs })
  },
  stall: async ({ holdMs, app }, { apps }) => {
    await apps[app]?.ask({ order: 'stall', ms: stallMs(holdMs) })
  },
  'database-away': async ({ holdMs }, { database }) => {
    database.isAway = true
    await pause(holdMs)
    database.isAway = false
  },
}

/** Does one fault and undoes it. */
export async function inject(fault: PlannedFault, victims: Victims): Promise<void> {
  await DEEDS[fault.kind](fault, victims)
}

/** The fault in words, for those who read along. */
export function describeFault({ kind, holdMs, app, times, delayMs, jitterMs, bytes }: PlannedFault): string {
  const forMs = `${(holdMs / 1000).toFixed(1)} s`
  switch (kind) {
    case 'kill-empty':
      return `kill-empty: SIGKILL of Redis, back empty after ${forMs}`
    case 'kill-old-data':
      return `kill-old-data: snapshot, SIGKILL of Redis, back with the snapshot; ${forMs} in all`
    case 'failover':
      return `failover: a replica becomes the primary, ${(holdMs / 2000).toFixed(1)} s after the old one was killed`
    case 'freeze':
      return `freeze: SIGSTOP of Redis for ${forMs}`
    case 'cut':
      return `cut: every connection is reset, ${times} times in ${forMs}`
    case 'slow':
      return `slow: replies ${delayMs} ms late and up to ${jitterMs} ms later, for ${forMs}`
    case 'blackhole':
      return `blackhole: nothing passes for ${forMs}; then it ${times % 2 === 0 ? 'is lost' : 'arrives late'}`
    case 'torn':
      return `torn: connections are reset after ${bytes} bytes of replies, for ${forMs}`
    case 'out-of-memory':
      return `out-of-memory: Redis is full (noeviction) for ${forMs}`
    case 'flush':
      return `flush: FLUSHALL, ${times} times in ${forMs}`
    case 'script-flush':
      return `script-flush: SCRIPT FLUSH, ${times} times in ${forMs}`
    case 'client-kill':
      return `client-kill: CLIENT KILL of every connection, ${times} times in ${forMs}`
    case 'heap-pressure':
      return `heap-pressure: app-${app + 1} fills ${PRESSED_BYTES / 2 ** 20} MB again and again for ${forMs}`
    case 'stall':
      return `stall: app-${app + 1} blocks its event loop for ${(stallMs(holdMs) / 1000).toFixed(1)} s`
    case 'database-away':
      return `database-away: every load and commit fails for ${forMs}`
  }
}

function stallMs(holdMs: number): number {
  return Math.min(STALL_MS.max, Math.max(STALL_MS.min, holdMs))
}

/** What is done at once is done several times, spread over the holding time. */
async function repeat({ holdMs, times }: PlannedFault, deed: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) {
    await deed()
    if (i + 1 < times) await pause(holdMs / times)
  }
}
