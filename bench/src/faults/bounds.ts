/** How long the loader takes where a row does not say otherwise. */
export const LOADER_MS = 50
/** The bound of one call's waits on L2, which every contender's client is set to. */
export const L2_TIMEOUT_MS = 250
/** Driver, nodes, proxy and Redis share the machine: what is measured in milliseconds gets this much more. */
export const SLACK_MS = 50
/** The same where nothing is waited for. */
export const HIT_SLACK_MS = 10

/** The answer bound of a call that has to load while L2 fails. */
export const ANSWER_MS: number = L2_TIMEOUT_MS + LOADER_MS + SLACK_MS
/** The bound of a call once it is known that L2 is away. */
export const LATER_MS: number = 5 + LOADER_MS + SLACK_MS
/** The bound of an L1 hit, whatever is wrong with L2. */
export const HIT_MS: number = 5 + HIT_SLACK_MS
/** Where all but a few calls are held to a bound. */
export const MOST = 0.9
/** Δ: for how long an invalidation of another process may take to be seen. */
export const DELTA_MS = 1000

/** Keys of one kind, never a part of each other. */
export function keysOf(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${kind}-${i}-`)
}
