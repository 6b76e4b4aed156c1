import type { FoundEntry, ReadRequest, Tokens } from '../contracts.ts'
import { admitToL1, learnTokens, matchCells } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import { type CellWatch, invalidationsOf, type TagCells } from '../invalidation/tag-cells.ts'
import type { Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { Found } from '../runtime/found.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { absent, acceptStored, heldToken, l1Until } from './accept-stored.ts'
import { tagLifeMs } from './make-entry.ts'

const NO_TAGS: readonly string[] = []

/** What is asked of a key, and by whom. */
export interface Question {
  readonly policy: Policy
  readonly intent: ReadRequest['intent']
  /** What L1 holds and must not answer by itself. */
  readonly held: CachedValue | undefined
  readonly askedAt: number
  /** When he stops waiting. */
  readonly by: number
}

/**
 * One L2 read for all calls that began before its request is written (rule J), with the intent of the first. Rejects
 * where there is no reply.
 */
export function shareL2Read(rt: Runtime, link: L2Link, key: string, question: Question): Promise<Found> {
  const newest = rt.pendings.newest(key)
  const { validate } = question.policy
  if (newest instanceof L2Read && !newest.written && newest.policy.validate === validate) return newest.result
  const read = new L2Read(rt, link, key, question)
  rt.pendings.add(read)
  link.ops.read(read, question.by)
  return read.result
}

/**
 * One read of L2 under way: what is asked, and what is done with the reply in the moment it is here, ahead of any
 * later push (rule P). It is a pending read from before it is sent until its answer is known.
 */
class L2Read implements ReadRequest, PendingRead {
  readonly key: string
  readonly policy: Policy
  readonly tags: readonly string[]
  readonly namespace: boolean
  readonly intent: ReadRequest['intent']
  readonly known: string | undefined
  written = false
  alive = true
  readonly result: Promise<Found>
  readonly #rt: Runtime
  readonly #link: L2Link
  readonly #question: Question
  readonly #generation: number
  readonly #cells: TagCells
  readonly #watch: CellWatch | undefined
  #resolve: (found: Found | Promise<Found>) => void = ignore
  #reject: (error: unknown) => void = ignore

  constructor(rt: Runtime, link: L2Link, key: string, question: Question) {
    const { policy, held } = question
    this.#rt = rt
    this.#link = link
    this.#question = question
    this.key = key
    this.policy = policy
    this.intent = question.intent
    const cells = rt.cellsOf(key)
    this.#cells = cells
    this.tags = unheldTags(rt, cells, policy, rt.tagHints(key))
    this.namespace = !rt.tracking || cells.namespace.token === undefined
    this.known = held !== undefined && this.#asksAllOf(held) ? held.seen : undefined
    this.#generation = link.generation
    this.#watch =
      this.namespace || this.tags.length > 0 ? rt.watchCells(cells, this.tags, this.namespace) : undefined
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get tagLifeMs(): number {
    return tagLifeMs(this.policy)
  }

  answered(found: FoundEntry, tokens: Tokens): void {
    this.#link.answered()
    try {
      this.#settle(this.#judge(found, tokens))
    } catch (error) {
      this.#giveUp(error)
    }
  }

  unchanged(tokens: Tokens): void {
    this.#link.answered()
    try {
      this.#settle(this.#renew(tokens))
    } catch (error) {
      this.#giveUp(error)
    }
  }

  failed(error: unknown): void {
    const { askedAt, by } = this.#question
    this.#giveUp(error)
    this.#link.unanswered(error, askedAt, by)
  }

  #settle(answer: Found | Promise<Found>): void {
    if (answer instanceof Promise) answer.then(this.#end, this.#end)
    else this.#end()
    this.#resolve(answer)
  }

  #giveUp(error: unknown): void {
    this.#end()
    this.#reject(error)
  }

  readonly #end = (): void => {
    this.#rt.pendings.close(this)
  }

  #judge(found: FoundEntry, tokens: Tokens): Found | Promise<Found> {
    const rt = this.#rt
    if (this.#watch !== undefined) learnTokens(this.#watch, tokens)
    if (found === undefined) {
      rt.shared.memory?.delete(rt.prefix + this.key)
      return absent(rt.takeExit(this.key) ?? 'cold', undefined)
    }
    if (!found.readable) {
      const what = found.isTooLarge === true ? 'value_too_large' : 'decode_failed'
      rt.recorder.trouble(what, this.key, found.reason)
      return absent('error', found.seen)
    }
    return acceptStored(rt, this.#link, this.key, found, {
      pending: this,
      generation: this.#generation,
      policy: this.policy,
      askedAt: this.#question.askedAt,
      by: this.#question.by,
      cells: this.#cells,
      asked: this.tags,
      tokens: this.namespace ? tokens : { ...tokens, namespace: this.#cells.namespace.token },
    })
  }

  /** What L1 holds is still what L2 holds: it is as good as read anew, if its tokens are the current ones. */
  #renew(tokens: Tokens): Found | Promise<Found> {
    const { held, askedAt } = this.#question
    const rt = this.#rt
    if (this.#watch !== undefined) learnTokens(this.#watch, tokens)
    if (held === undefined || matchCells(held) !== 'same') {
      // What that makes of the value is told by its header, which was not sent.
      const anew = new L2Read(rt, this.#link, this.key, { ...this.#question, held: undefined })
      rt.pendings.add(anew)
      this.#link.ops.read(anew, this.#question.by)
      return anew.result
    }
    const entry = {
      ...held,
      askedAt,
      l1Until: l1Until(rt, this.policy, askedAt),
      generation: this.#generation,
      invalidations: invalidationsOf(held.cells),
    }
    const { memory } = rt.shared
    if (memory !== undefined && rt.link?.usable === true) admitToL1(rt.fence, memory, entry, this)
    const state = rt.clock.now() < entry.staleAt ? 'fresh' : 'stale'
    return { state, entry, tier: 'l2', reason: 'expired', staleSince: entry.staleAt, seen: entry.seen }
  }

  /** Whether every token that an entry of L1 is held against comes with this read. */
  #asksAllOf({ cells, local }: CachedValue): boolean {
    if (local || !this.namespace || cells[0] !== this.#cells.namespace) return false
    return cells.every((cell, i) => i === 0 || this.tags.includes(cell.name))
  }
}

function ignore(): void {}

/** The tags whose tokens this read has to ask for. */
function unheldTags(
  rt: Runtime,
  cells: TagCells,
  policy: Policy,
  hints: readonly string[],
): readonly string[] {
  if (policy.tags.length + hints.length === 0) return NO_TAGS
  return [...new Set([...policy.tags, ...hints])].filter((tag) => heldToken(rt, cells, tag) === 'unasked')
}
