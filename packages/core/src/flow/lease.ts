import { type Acquired, CacheError, type Token, type Tokens } from '../contracts.ts'
import type { Wake } from '../guard/wakes.ts'
import { type Captured, learnTokens } from '../invalidation/fence.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { LoadFlight, LoadOutcome } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { acceptStored } from './accept-stored.ts'
import { isPartAway } from './is-part-away.ts'
import { isRefused } from './is-refused.ts'
import type { LoadJob } from './load-job.ts'
import { tagLifeMs } from './make-entry.ts'

// A dead loader costs the fleet this long; protocol 4.2.
const LEASE_MS = 1000
const RENEW_EVERY_MS = 300
// While waiting for another process's load. Where changes are pushed, they usually wake sooner; where none are, this is
// what a waiter is late by, on average 15 ms.
const POLL_MS_MIN = 5
const POLL_MS_MAX = 50
const POLL_UNPUSHED_MS_MAX = 20
// Entries handed back by ACQUIRE that turn out unusable, before the load goes on without a lease.
const FOUND_MAX = 4
// Loads of other processes that are waited for. Those that end without a value would else be waited for in single file.
const HOLDERS_MAX = 2

/** What asking for a lease led to. */
export type Acquisition =
  | { readonly kind: 'won'; readonly lease: Lease }
  | { readonly kind: 'settled'; readonly outcome: LoadOutcome }
  /** Another process loads, and the job did not want to wait for it. */
  | { readonly kind: 'busy' }
  /** No lease to be had: load, and store nothing in L2. `keep`: this process may keep it for Δ. */
  | { readonly kind: 'none'; readonly keep: boolean }

/** The right to fill one key, while it is renewed and until something is invalidated. */
export class Lease {
  readonly token: Token
  /** The tokens as they were before the load. */
  readonly captured: Captured
  readonly #rt: Runtime
  readonly #link: L2Link
  readonly #key: string
  #stopped = false
  #timer: { cancel(): void } | undefined

  constructor(rt: Runtime, link: L2Link, key: string, token: Token, captured: Captured) {
    this.#rt = rt
    this.#link = link
    this.#key = key
    this.token = token
    this.captured = captured
  }

  /** Extends the lease until stopped, refused, or for `forMs`: a loader that outlives that is not waited for. */
  keepRenewed(forMs: number, isOvertaken: () => boolean): void {
    const { clock } = this.#rt
    const until = clock.now() + forMs
    const again = () => {
      if (!this.#stopped) this.#timer = clock.after(RENEW_EVERY_MS, renew)
    }
    const renew = () => {
      // What was overtaken here is stored nowhere: nobody shall wait for it (a clear voids no lease in L2).
      if (clock.now() >= until || isOvertaken()) return
      // A renewal that got no answer is tried again; a refused one is final: the fill will be refused too.
      this.#link.ops
        .renew(this.#key, this.token, leaseMs(this.#link), this.#by())
        .then((held) => held && again(), again)
    }
    again()
  }

  stopRenewing(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Gives the lease back. Whether it was still live: nothing voided it since it was granted. */
  async giveBack(): Promise<boolean> {
    return await this.#link.ops.release(this.#key, this.token, this.#by()).catch(() => false)
  }

  /**
   * Gives it back after a load that found nothing, which is an answer too: true only if the captured tokens still hold
   * as well, since an invalidated tag or namespace voids no lease. `epochToo`: the tags of a row are not known.
   */
  async giveBackAsAnswer(epochToo: boolean): Promise<boolean> {
    const tags = [...this.captured.tags.keys()]
    const asked = this.#link.ops.tokens(this.#key, tags, undefined, this.#by()).catch(() => undefined)
    const [live, now] = await Promise.all([this.giveBack(), asked])
    const { fence } = this.#rt
    if (!live || now === undefined || !fence.sameTokens(this.captured, now)) return false
    return !epochToo || fence.epochHeld(this.captured.epoch, now.epoch)
  }

  #by(): number {
    return this.#rt.clock.now() + this.#rt.shared.l2TimeoutMs
  }
}

/** Asks for the lease until it is won, someone else's value is there, or it makes no sense to go on. */
export async function acquire(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
): Promise<Acquisition> {
  const wake = rt.wakes.open(flight.key)
  const giveUpAt = rt.clock.now() + job.policy.hardTimeoutMs
  const holders = new Set<Token>()
  let seen = job.seen
  let pollMs = POLL_MS_MIN
  try {
    // Rule Q: what is filled elsewhere while an invalidation of ours is queued may be what it is about.
    for (let found = 0; found < FOUND_MAX && link.usable; ) {
      const { acquired, token, outcome } = await ask(rt, link, flight, job, seen, pollMs > POLL_MS_MIN)
      if (acquired.state === 'won') return won(rt, link, flight.key, token, acquired.tokens)
      if (acquired.state === 'quarantined') return { kind: 'none', keep: false }
      if (acquired.state === 'found') {
        if (outcome !== undefined) return { kind: 'settled', outcome }
        seen = acquired.entry.seen
        found++
        continue
      }
      if (job.leavesIfBusy === true) return { kind: 'busy' }
      if (job.background) return { kind: 'settled', outcome: { kind: 'left', sharedUpTo: 0 } }
      job.onBlocked?.()
      if (acquired.holder !== undefined) holders.add(acquired.holder)
      // L2 is there, and does not tell of a key that it does not hold: what is kept here would be stale for all of Δ.
      if (holders.size > HOLDERS_MAX || rt.clock.now() >= giveUpAt) return { kind: 'none', keep: false }
      await waitForChange(rt, flight, wake, pollMs)
      pollMs = Math.min(pollMsMax(link), pollMs * 2)
    }
  } catch (error) {
    if (flight.controller.signal.aborted) throw error
    // Refused (a full disk, too few replicas), not unanswered: the fill would be refused as well.
    const what = isRefused(error) ? 'l2.write_failed' : 'l2.acquire_failed'
    if (!isPartAway(error)) rt.recorder.trouble(what, flight.key, error)
  } finally {
    wake.close()
  }
  return { kind: 'none', keep: true }
}

function won(rt: Runtime, link: L2Link, key: string, token: Token, tokens: Tokens): Acquisition {
  const { namespace, epoch, tags } = tokens
  if (namespace !== undefined && epoch !== undefined) {
    return { kind: 'won', lease: new Lease(rt, link, key, token, { namespace, epoch, tags }) }
  }
  // A full server minted no tokens: nothing can be stored, so nobody shall wait for it.
  link.ops.release(key, token, rt.clock.now() + rt.shared.l2TimeoutMs).catch(() => false)
  rt.recorder.trouble('l2.write_failed', key, mintedNothing(key))
  return { kind: 'none', keep: true }
}

function mintedNothing(key: string): CacheError {
  const message = 'the shared tier is full: it has no token for the namespace, so that nothing can be stored'
  return new CacheError('l2_error', message, { key, tier: 'l2', retryable: true })
}

/**
 * One ACQUIRE with its tokens; `outcome`: what it found, where it can be used, for calls that began before it was asked.
 * The pending read stays open until that is in L1: a set of this process may end in between (rule P).
 */
async function ask(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  seen: string | undefined,
  again: boolean,
): Promise<{
  readonly acquired: Acquired
  readonly token: Token
  readonly outcome: LoadOutcome | undefined
}> {
  const { key } = flight
  const { policy } = job
  const mark = rt.mark()
  const token = rt.clock.token()
  const tags = [...new Set([...policy.tags, ...rt.tagHints(key)])]
  const pending = rt.pendings.open(key)
  try {
    const generation = link.generation
    const cells = rt.cellsOf(key)
    const watch = rt.watchCells(cells, tags, true)
    const request = { key, token, leaseMs: leaseMs(link), seen, tags, tagLifeMs: tagLifeMs(policy) }
    const send = (by: number) => link.ops.acquire(request, by)
    const askedAt = rt.clock.now()
    // The budget pays for the first question. Later ones wait for a load, not for a slow server.
    const acquired = await (again ? send(rt.clock.now() + rt.shared.l2TimeoutMs) : job.budget.wait(send))
    // Whoever won may have been given tokens from before `watch`: those of the read that won it. The fill learns anew.
    if (acquired.state !== 'won') learnTokens(watch, acquired.tokens)
    if (acquired.state !== 'found' || !acquired.entry.readable || job.anew === true)
      return { acquired, token, outcome: undefined }
    const by = rt.clock.now() + rt.shared.l2TimeoutMs
    const { entry, tokens } = acquired
    const how = { pending, generation, policy, askedAt, by, cells, asked: tags, tokens }
    const answer = await acceptStored(rt, link, key, entry, how)
    const isUsed = answer.state === 'fresh' && answer.entry !== undefined
    const outcome = isUsed ? ({ kind: 'value', entry: answer.entry, sharedUpTo: mark } as const) : undefined
    return { acquired, token, outcome }
  } finally {
    rt.pendings.close(pending)
  }
}

/** Until a push says that the value or the lease changed, or the poll is due, or the flight is ended. */
async function waitForChange(rt: Runtime, flight: LoadFlight, wake: Wake, pollMs: number): Promise<void> {
  // Half of the wait is random: processes that wait for one lease do not ask in step.
  await wake.next(pollMs * (0.5 + rt.clock.random() / 2))
  flight.controller.signal.throwIfAborted()
}

function pollMsMax(link: L2Link): number {
  return link.store.capabilities.push ? POLL_MS_MAX : POLL_UNPUSHED_MS_MAX
}

function leaseMs(link: L2Link): number {
  return Math.max(LEASE_MS, link.store.capabilities.leaseMinMs)
}
