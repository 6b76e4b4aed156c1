/** Numbers that the load, the checks and the report agree on. */

/** Δ of the caches under test. */
export const MAX_STALE_MS = 1000
export const TTL_MS = 60_000
export const SWR_MS = 5000
/** No answer that is handed out as stale may be further behind an acknowledgement than this. */
export const STALE_IF_ERROR_MS = 10_000
/** One budget of a call for all its waits on L2. */
export const L2_TIMEOUT_MS = 250
/** A loader gives up after this: the database answers in a tenth of it when it is well. */
export const LOADER_MS_MAX = 100
/** Timers and schedulers of a machine whose two cores run five processes: what is not the cache's lateness. */
const SLACK_MS = 150
/** A lease whose holder is cut off or blocked ends after this: whoever waits for its load goes on then. */
const LEASE_MS = 1000
/**
 * A load that was overtaken by an invalidation is followed by one more (rule L), and each may wait for L2 with the budget
 * of the call that leads it; the promise's 50 ms; slack.
 */
export const CALM_READ_MS_MAX: number = 2 * (L2_TIMEOUT_MS + LOADER_MS_MAX) + 50 + SLACK_MS
/** Under faults a load may have to wait for a lost lease, too. */
export const READ_MS_MAX: number = CALM_READ_MS_MAX + LEASE_MS
/** A delete waits for L2 alone. */
export const INVALIDATE_MS_MAX: number = L2_TIMEOUT_MS + 50 + SLACK_MS
/** `write`: quarantine, the commit, and the invalidation, each wait on L2 with a budget of its own. */
export const WRITE_MS_MAX: number = 2 * L2_TIMEOUT_MS + LOADER_MS_MAX + 50 + SLACK_MS
/** After the last fault all processes agree with the database within this. */
export const AGREE_MS_MAX = 5000
