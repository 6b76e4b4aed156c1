import type { FoundEntry, ReadRequest, Tokens } from '../contracts.ts'
import { learnTokens } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import type { CellWatch, TagCells } from '../invalidation/tag-cells.ts'
import type { Policy } from '../policy.ts'
import type { Found } from '../runtime/found.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { absent, acceptStored, heldToken } from './accept-stored.ts'

const NO_TAGS: readonly string[] = []

/**
 * One L2 read for all calls that began before its request is written (rule J), with the intent of the first. Rejects
 * where there is no reply.
 */
export function shareL2Read(
  rt: Runtime,
  link: L2Link,
  key: string,
  policy: Policy,
  intent: ReadRequest['intent'],
  askedAt: number,
  by: number,
): Promise<Found> {
  const newest = rt.pendings.newest(key)
  if (newest instanceof L2Read && !newest.written && newest.policy.validate === policy.validate)
    return newest.result
  const read = new L2Read(rt, link, key, policy, intent, askedAt, by)
  rt.pendings.add(read)
  link.ops.read(read, by)
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
  written = false
  alive = true
  readonly result: Promise<Found>
  readonly #rt: Runtime
  readonly #link: L2Link
  readonly #askedAt: number
  readonly #by: number
  readonly #generation: number
  readonly #cells: TagCells
  readonly #watch: CellWatch | undefined
  #resolve: (found: Found | Promise<Found>) => void = ignore
  #reject: (error: unknown) => void = ignore

  constructor(
    rt: Runtime,
    link: L2Link,
    key: string,
    policy: Policy,
    intent: ReadRequest['intent'],
    askedAt: number,
    by: number,
  ) {
    this.#rt = rt
    this.#link = link
    this.#askedAt = askedAt
    this.#by = by
    this.key = key
    this.policy = policy
    this.intent = intent
    const cells = rt.cellsOf(key)
    this.#cells = cells
    this.tags = unheldTags(rt, cells, policy, rt.tagHints(key))
    this.namespace = !rt.tracking || cells.namespace.token === undefined
    this.#generation = link.generation
    this.#watch =
      this.namespace || this.tags.length > 0 ? rt.watchCells(cells, this.tags, this.namespace) : undefined
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  answered(found: FoundEntry, tokens: Tokens): void {
    this.#link.answered()
    try {
      const answer = this.#judge(found, tokens)
      if (answer instanceof Promise) answer.then(this.#end, this.#end)
      else this.#end()
      this.#resolve(answer)
    } catch (error) {
      this.#end()
      this.#reject(error)
    }
  }

  failed(error: unknown): void {
    this.#end()
    this.#reject(error)
    this.#link.unanswered(error, this.#askedAt, this.#by)
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
      askedAt: this.#askedAt,
      by: this.#by,
      cells: this.#cells,
      asked: this.tags,
      tokens: this.namespace ? tokens : { ...tokens, namespace: this.#cells.namespace.token },
    })
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
