import { CacheError, type Clock, type Token } from '../contracts.ts'
import type { BusRules } from './bus-rules.ts'
import type { Change, FrameHead } from './frame.ts'
import type { FrameSignature } from './frame-signature.ts'
import { ChangesWriter, writeBeat, writeGoodbye } from './write-frame.ts'

// Callers whose deadlines are this near to each other share a frame: within the resolution of deadlines anyway.
const DEADLINE_SPREAD_MS = 10
// Frames of one tick: 1 MB of names. Beyond it everything is put in doubt by one short frame instead.
const TICK_FRAMES_MAX = 16
// A beat's number is one of so many for each ms since the beat before. On average that is one a microsecond (see
// NUMBER_BYTES); to be right once in Δ whoever guesses has to publish a third of that: 300,000 frames a second.
const BEATS_PER_MS = 2000

/** What a publisher needs of its owner. */
export interface PublisherOwner {
  readonly clock: Clock
  readonly rules: BusRules
  readonly signature: FrameSignature | undefined
  /** Hands a frame to the bus. */
  send(frame: Uint8Array, by: number): Promise<void>
  /** Time between beats. */
  readonly everyMs: number
}

/** Changes of one tick, on their way. */
interface Batch {
  readonly by: number
  readonly writers: ChangesWriter[]
  readonly sent: Promise<void>
  readonly settle: (sending: Promise<unknown>) => void
}

/**
 * What one cache says on the bus. Its changes are numbered without a gap as they are handed over, those of a tick in as
 * few frames as they fit into; a number that the bus did not accept stays used, and is the gap by which everybody notices.
 */
export class Publisher {
  readonly id: Token
  readonly #owner: PublisherOwner
  #number = 0
  #beat = 0
  #beatAt: number
  #batch: Batch | undefined

  constructor(owner: PublisherOwner) {
    this.#owner = owner
    this.id = owner.clock.token()
    this.#beatAt = owner.clock.now()
  }

  /** Resolves when word of the change was accepted; rejects at the latest at `by`. */
  announce(change: Change, by: number): Promise<void> {
    let batch = this.#batch
    if (batch !== undefined && Math.abs(batch.by - by) > DEADLINE_SPREAD_MS) {
      this.flush()
      batch = undefined
    }
    batch ??= this.#begin(by)
    if (change.kind === 'namespace') this.#add(batch, change.namespace, 'everything', '')
    else {
      const kind = change.kind === 'keys' ? 'key' : 'tag'
      for (const name of change.names) this.#add(batch, change.namespace, kind, name)
    }
    return batch.sent
  }

  /** Publishes what was announced in this tick. */
  flush(): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    if (batch.writers.length > TICK_FRAMES_MAX) {
      this.skip()
      batch.settle(this.sendBeat(batch.by).sent)
      return
    }
    const sending = batch.writers.map((writer) => {
      this.#number++
      return this.#send(writer.finish(this.#head), batch.by)
    })
    batch.settle(Promise.all(sending))
  }

  /** Uses up a number without a word: whoever hears of it drops everything. */
  skip(): void {
    this.#number++
  }

  /** Says that this cache is alive, and which numbers it has used. Answers the beat's own number. */
  sendBeat(by: number): { readonly beat: number; readonly sent: Promise<void> } {
    this.#beat = this.#nextBeat()
    const { everyMs, signature } = this.#owner
    const sent = this.#owner.send(writeBeat(this.#head, everyMs, signature), by)
    return { beat: this.#beat, sent }
  }

  /** The last word. */
  sendGoodbye(by: number): Promise<void> {
    this.flush()
    return this.#owner.send(writeGoodbye(this.#head, this.#owner.signature), by)
  }

  get #head(): FrameHead {
    return { publisher: this.id, number: this.#number, beat: this.#beat }
  }

  /** Higher than the last one, and nobody knows it before it is sent: whoever did could send it back ahead of its time. */
  #nextBeat(): number {
    const { clock } = this.#owner
    const now = clock.now()
    const sinceMs = now - this.#beatAt
    this.#beatAt = now
    // Of a token: what `random` gives can be foretold from what it gave before.
    const drawn = Buffer.from(clock.token(), 'latin1').readUIntBE(0, 6) / 2 ** 48
    return this.#beat + 1 + Math.floor(drawn * sinceMs * BEATS_PER_MS)
  }

  #begin(by: number): Batch {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const batch: Batch = {
      by,
      writers: [],
      sent: promise.then(nothing),
      settle: resolve,
    }
    this.#batch = batch
    // Behind every promise of this tick: acknowledgements of L2 that came in one piece are told in one.
    process.nextTick(() => this.flush())
    return batch
  }

  #add(batch: Batch, namespace: string, kind: 'key' | 'tag' | 'everything', name: string): void {
    if (batch.writers.at(-1)?.add(namespace, kind, name) === true) return
    // One more than are sent is enough to know that they are too many.
    if (batch.writers.length > TICK_FRAMES_MAX) return
    const writer = new ChangesWriter(this.#owner.signature)
    if (!writer.add(namespace, kind, name))
      throw new CacheError('invalid_argument', 'a name is longer than a frame')
    batch.writers.push(writer)
  }

  async #send(frame: Uint8Array, by: number): Promise<void> {
    try {
      await this.#owner.send(frame, by)
    } catch (error) {
      if (!this.#owner.rules.keepsNumber()) this.#number--
      throw error
    }
  }
}

function nothing(): void {}
