import { type Clock, type StoreDefinition, systemClock } from 'holdfast/contracts'
import { Replay } from '../failover/replay.ts'
import { RestartFence } from '../failover/restart-fence.ts'
import type { RestartRule } from '../failover/restart-rule.ts'
import { RedisStore } from '../redis-store.ts'
import { parseRedisUrl } from '../url.ts'

/** Makes rule R as a store is given it. */
export type MakeRule = (clock: Clock) => RestartRule

export const fenceRule: MakeRule = (clock) => new RestartFence(clock)
export const replayRule: MakeRule = (clock) => new Replay(clock)

/** Rule R and mutants of it, for checks that must notice. */
export const ruleMutants = {
  /** Every server is used as it is. */
  off: () => ({ admit: async () => undefined, removed: () => undefined, heartbeat: () => [] }),
  /** A promotion is not noticed: only the run of the server counts. */
  runIdOnly: (clock) =>
    changed(fenceRule(clock), (admit) => (commands, places, server, by) => {
      return admit(commands, places, server.split('.')[0] ?? '', by)
    }),
  /** A process does not know from which server it comes. */
  withoutMemory: (clock) =>
    changed(fenceRule(clock), (admit) => (commands, places, server, by) => {
      for (const place of places) place.mark = undefined
      return admit(commands, places, server, by)
    }),
  /** Nothing that was removed is known when it comes to replaying it. */
  forgetful: (clock) => ({ ...changed(replayRule(clock), (admit) => admit), removed: () => undefined }),
} as const satisfies Readonly<Record<string, MakeRule>>

function changed(
  rule: RestartRule,
  change: (admit: RestartRule['admit']) => RestartRule['admit'],
): RestartRule {
  return {
    admit: change((commands, places, server, by) => rule.admit(commands, places, server, by)),
    removed: (names) => rule.removed(names),
    heartbeat: () => rule.heartbeat(),
  }
}

/** Redis as the shared tier under a rule R of its own. */
export function redisUnder(url: string, rule: MakeRule): StoreDefinition {
  return { open: (environment) => new RedisStore(parseRedisUrl(url), environment, rule(systemClock)) }
}
