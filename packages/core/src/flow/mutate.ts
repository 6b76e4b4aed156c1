import { CacheError, type Names } from '../contracts.ts'
import { notApplied } from '../invalidation/not-applied.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { deleteKeys, type Invalidated, type InvalidateOptions, invalidateTags } from './invalidate.ts'

/** What `write` answers: what its function gave, and how far the invalidation has come. */
export interface Written<T> extends Invalidated {
  readonly value: T
}

// A writer that dies leaves its names quarantined (loads go on, nothing is stored) this long.
const QUARANTINE_MS = 3000
const RENEW_EVERY_MS = 1000

/**
 * MUTATE: a write that leaves no old value behind even if the process dies in the middle of it. The names are
 * quarantined before `commit` runs and until they are invalidated after it: meanwhile nothing is stored under them.
 * Rejects before `commit` where L2 is away (`l2_unavailable`). A commit that close() did not wait for is answered 'queued',
 * and nobody is told of what it changed; its quarantine ends 3 s after the last renewal. Three round trips around the commit.
 */
export async function mutate<T>(
  rt: Runtime,
  names: Names,
  commit: () => Promise<T> | T,
  options?: InvalidateOptions,
): Promise<Written<T>> {
  const { link } = rt
  if (link === undefined) return answer(await commitAndInvalidate(rt, names, commit), options)
  await link.opening
  if (!link.usable) {
    throw new CacheError('l2_unavailable', 'write: the shared tier is away; nothing was written', {
      tier: 'l2',
      retryable: true,
    })
  }
  const token = rt.clock.token()
  await link.ops.quarantine(names, token, QUARANTINE_MS, rt.clock.now() + rt.shared.l2TimeoutMs)
  const stop = keepQuarantined(rt, link, names, token)
  try {
    const written = await commitAndInvalidate(rt, names, commit)
    // While the invalidation is only queued, nothing else refuses an old fill: the quarantine then ends by itself.
    if (written.ended.l2 === 'applied') void rt.shared.underWay.track(link.lift(names, token))
    return answer(written, options)
  } finally {
    stop()
  }
}

interface Committed<T> {
  readonly outcome: { readonly value: T } | { readonly error: unknown }
  readonly ended: Invalidated
}

/** Invalidates whatever becomes of the commit: a failed one may have happened all the same (a lost answer). */
async function commitAndInvalidate<T>(
  rt: Runtime,
  names: Names,
  commit: () => Promise<T> | T,
): Promise<Committed<T>> {
  let outcome: Committed<T>['outcome']
  try {
    outcome = { value: await commit() }
  } catch (error) {
    outcome = { error }
  }
  return { outcome, ended: await invalidateNames(rt, names) }
}

function answer<T>({ outcome, ended }: Committed<T>, options: InvalidateOptions | undefined): Written<T> {
  if ('error' in outcome) throw outcome.error
  // The commit has happened: its value must reach the caller even where the invalidation is only queued.
  if (ended.l2 === 'queued' && options?.require === 'applied') throw notApplied({ committed: outcome.value })
  return { value: outcome.value, l2: ended.l2 }
}

async function invalidateNames(rt: Runtime, names: Names): Promise<Invalidated> {
  const ended = await Promise.all([
    names.keys.length === 0 ? undefined : deleteKeys(rt, names.keys),
    names.tags.length === 0 ? undefined : invalidateTags(rt, names.tags),
  ])
  return { l2: ended.some((one) => one?.l2 === 'queued') ? 'queued' : 'applied' }
}

/** Renews the quarantine while the commit runs. */
function keepQuarantined(rt: Runtime, link: L2Link, names: Names, token: string): () => void {
  let stopped = false
  let timer = rt.clock.after(RENEW_EVERY_MS, renew)
  function renew(): void {
    const again = () => {
      if (!stopped && !rt.ended) timer = rt.clock.after(RENEW_EVERY_MS, renew)
    }
    link.ops
      .quarantine(names, token, QUARANTINE_MS, rt.clock.now() + rt.shared.l2TimeoutMs)
      .then(again, again)
  }
  return () => {
    stopped = true
    timer.cancel()
  }
}
