import {
  type Bus,
  type BusConnection,
  type BusListener,
  CacheError,
  type Clock,
  FRAME_BYTES_MAX,
  type Reached,
  type Timer,
} from '../contracts.ts'
import { type BusStats, type Doubt, NO_BUS } from '../stats.ts'
import type { BusRules, Moment } from './bus-rules.ts'
import type { Change } from './frame.ts'
import { FrameSignature } from './frame-signature.ts'
import { Inbox } from './inbox.ts'
import { OwnBeats } from './own-beats.ts'
import { Peers } from './peers.ts'
import { Publisher } from './publisher.ts'
import { type ReadFrame, readChanges, readFrame, type Unread } from './read-frame.ts'

/** What the link tells of. None throws. */
export interface BusEvents {
  /** Another process says that this was invalidated, or written. */
  changed(change: Change): void
  /** Nothing that was read before now is known to be true: what is read from now on is. */
  everythingChanged(): void
  /** The bus did not accept word of this change; or it is gone, or was not reached in time; or is there again. */
  trouble(what: 'bus.refused' | 'bus.lost' | 'bus.back', error?: unknown, change?: Change): void
}

export interface BusSettings {
  readonly bus: Bus
  readonly clock: Clock
  readonly topic: string
  /** Δ. */
  readonly maxStaleMs: number
  readonly rules: BusRules
  log(level: 'info' | 'warn', message: string): void
}

const BEATS_PER_DELTA = 3
// A beat is of use for Δ; a longer wait only delays noticing a dead peer.
const BEAT_WAIT_MS_MAX = 5000
// Where something is in doubt the next beat ends that, and a newcomer waits to hear of us: it is sent at once, but no
// more than this often between two.
const EXTRA_BEATS = 4
// A first connection that takes longer is told of: as long as that of L2 (wire's ServerWatch).
const ABSENT_AFTER_MS = 200

/**
 * This cache's relation to the bus: what it says there, and up to when it has heard everything that others said. Why that
 * bounds what L1 answers is in docs/wire/bus.md.
 */
export class BusLink implements BusListener {
  readonly rules: BusRules
  readonly #clock: Clock
  readonly #events: BusEvents
  readonly #maxStaleMs: number
  readonly #everyMs: number
  readonly #signature: FrameSignature | undefined
  readonly #log: BusSettings['log']
  readonly #publisher: Publisher
  readonly #peers = new Peers()
  readonly #inbox: Inbox
  readonly #connection: BusConnection
  readonly #ownBeats: OwnBeats
  /** Each says whether what it could not tell everybody of has become true meanwhile. */
  readonly #owing = new Set<() => boolean>()
  readonly #warned = new Set<Unread>()
  readonly #doubts: Record<Doubt, number> = { ...NO_BUS.doubts }
  #isUp = false
  #isClosed = false
  readonly #absence: Timer
  /** That it is not there was told of. */
  #isMissed = false
  /** False: something may have been missed, and no own beat has come back since. */
  #isTrusted = false
  /** When the last own beat that has come back was sent; before the first, when the connection was made. */
  #own: Moment
  #upTo: Moment = { at: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY }
  #lastBeatAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #lastRefusal: unknown
  #published = 0
  #refused = 0
  #received = 0
  #echoes = 0
  #ignored = 0

  constructor({ bus, clock, topic, maxStaleMs, rules, log }: BusSettings, events: BusEvents) {
    this.#clock = clock
    this.rules = rules
    this.#events = events
    this.#maxStaleMs = maxStaleMs
    this.#everyMs = maxStaleMs / BEATS_PER_DELTA
    this.#log = log
    this.#ownBeats = new OwnBeats(clock)
    this.#own = this.#now()
    const signature = bus.secret === undefined ? undefined : new FrameSignature(bus.secret, topic)
    this.#signature = signature
    const send = (frame: Uint8Array, by: number): Promise<void> => this.#send(frame, by)
    this.#publisher = new Publisher({ clock, rules, signature, send, everyMs: this.#everyMs })
    this.#inbox = new Inbox(
      (frame) => this.#handle(frame),
      () => this.#doubt('overflow'),
    )
    const heartbeatMs = this.#everyMs
    this.#connection = bus.open({ clock, topic, heartbeatMs, frameBytesMax: FRAME_BYTES_MAX, log }, this)
    this.#beatRegularly()
    this.#absence = clock.after(ABSENT_AFTER_MS, () => this.#miss('not reached yet'))
  }

  /** What to print of the bus. */
  get address(): string {
    return this.#connection.address
  }

  /** Everything that was accepted until then has been heard, unless something is in doubt now. */
  get verifiedAt(): number {
    return this.#upTo.at
  }

  /** Why the last frame that was not accepted was not. */
  get lastRefusal(): unknown {
    return this.#lastRefusal
  }

  get stats(): BusStats {
    return {
      online: this.#isUp,
      verified: this.verifiedWithin(this.#maxStaleMs, this.#clock.now()),
      publishers: this.#peers.size,
      published: this.#published,
      refused: this.#refused,
      received: this.#received,
      echoes: this.#echoes,
      ignored: this.#ignored,
      doubts: { ...this.#doubts },
    }
  }

  /** Whether everything that the bus accepted until `maxStaleMs` ago has been heard. Two clock reads. */
  verifiedWithin(maxStaleMs: number, now: number): boolean {
    if (!this.#isTrusted) return false
    const { at, wall } = this.#upTo
    return now - at <= maxStaleMs && this.#clock.wallNow() - wall <= maxStaleMs
  }

  /** Tells everybody. 'queued': the bus did not accept it by then; they drop everything when they next hear of this cache. */
  async announce(change: Change, by: number): Promise<Reached> {
    try {
      await this.#publisher.announce(change, by)
      return 'applied'
    } catch (error) {
      if (this.rules.isTold(false)) return 'applied'
      this.#events.trouble('bus.refused', error, change)
      return 'queued'
    }
  }

  /** Everybody shall drop everything once `isSettled` says so: it is asked with each beat. */
  owe(isSettled: () => boolean): void {
    this.#owing.add(isSettled)
  }

  /** Everything that the bus accepted before this call has been heard. Rejects with `bus_unavailable`. One beat a tick. */
  barrier(by: number): Promise<void> {
    if (!this.#isUp || this.#isClosed) return Promise.reject(this.#unavailable('there is no connection'))
    // Behind the other calls of this tick: their beat is sent once.
    process.nextTick(() => this.#beatIfDue())
    return this.#ownBeats.wait(by, this.#unavailable('a beat did not come back in time'))
  }

  connected(): void {
    if (this.#isClosed) return
    this.#isUp = true
    if (this.rules.doubts('lost')) this.#isTrusted = false
    this.#own = this.#now()
    this.#peers.restart(this.#own)
    this.#beat()
  }

  lost(): void {
    if (this.#isClosed) return
    this.#isUp = false
    this.#inbox.clear()
    const why = 'the connection was lost'
    this.#ownBeats.giveUp(this.#unavailable(why))
    this.#doubt('lost')
    this.#miss(why)
  }

  received(frame: Uint8Array): void {
    if (!this.#isUp || this.#isClosed) return
    if (frame.length > FRAME_BYTES_MAX) this.#ignored++
    else this.#inbox.take(frame)
  }

  dropped(): void {
    this.#ignored++
  }

  /**
   * Says goodbye, so that nobody misses this cache, and closes the connection. What is still owed leaves a gap behind.
   * Whoever announces has ended that.
   */
  async close(by: number): Promise<void> {
    if (this.#isClosed) return
    this.#timer?.cancel()
    this.#absence.cancel()
    if (this.#owing.size > 0) this.#publisher.skip()
    const goodbye = this.#isUp ? this.#publisher.sendGoodbye(by).catch(ignore) : undefined
    await goodbye
    this.#isClosed = true
    this.#isTrusted = false
    this.#inbox.clear()
    this.#ownBeats.giveUp(this.#unavailable('the cache was closed'))
    await this.#connection.close()
  }

  get #beatWaitMs(): number {
    return Math.min(this.#maxStaleMs, BEAT_WAIT_MS_MAX)
  }

  #now(): Moment {
    return { at: this.#clock.now(), wall: this.#clock.wallNow() }
  }

  async #send(frame: Uint8Array, by: number): Promise<void> {
    try {
      await this.#connection.publish(frame, by)
      this.#published++
    } catch (error) {
      this.#refused++
      this.#lastRefusal = error
      throw error
    }
  }

  #beatRegularly(): void {
    this.#timer = this.#clock.after(this.#everyMs, () => {
      this.#beatRegularly()
      this.#settleDebts()
      if (this.#isUp) this.#beat()
    })
  }

  /** Sends a beat, and notes when: all that was accepted before this moment comes back ahead of it. */
  #beat(): void {
    const sent = this.#now()
    this.#lastBeatAt = sent.at
    const { beat, sent: sending } = this.#publisher.sendBeat(sent.at + this.#beatWaitMs)
    sending.catch(ignore)
    this.#ownBeats.note(beat, sent)
  }

  #beatIfDue(): void {
    if (this.#isUp && !this.#isClosed && this.#ownBeats.isDue) this.#beat()
  }

  /** What could not be told when it was asked for, and is true by now: everybody who held on to it shall let go. */
  #settleDebts(): void {
    for (const isSettled of this.#owing) {
      if (!isSettled()) continue
      this.#owing.delete(isSettled)
      this.#publisher.skip()
    }
  }

  #handle(bytes: Buffer): void {
    const frame = readFrame(bytes, this.#signature)
    if (typeof frame === 'string') this.#ignore(frame)
    else if (frame.publisher === this.#publisher.id) this.#takeOwn(frame)
    else this.#takeForeign(frame, bytes)
  }

  #ignore(what: Unread): void {
    this.#ignored++
    if (what === 'newer') this.#doubt('newer')
    if (what === 'garbage' || this.#warned.has(what)) return
    this.#warned.add(what)
    const said =
      what === 'newer' ? 'frames of a newer version' : 'frames that nobody with the secret has signed'
    this.#log(
      'warn',
      `bus ${this.address}: ${said} are ignored${what === 'newer' ? ', and L1 is not used' : ''}`,
    )
  }

  /** All that was accepted before it was sent has been handled by now. Each step builds on those before it. */
  #takeOwn(frame: ReadFrame): void {
    this.#echoes++
    const sent = frame.kind === 'beat' ? this.#ownBeats.cameBack(frame.beat) : undefined
    if (sent === undefined) return
    this.#listenedUpTo(this.rules.provenBy(sent, this.#now()))
    this.#endDoubt()
    this.#advance()
    this.#tellBack()
    // Last: whoever waited looks into L1 at once.
    this.#ownBeats.settle(frame.beat)
    this.#beatIfDue()
  }

  /** Whoever was silent for too long by then is not waited for any more; that he was is a doubt, which this beat ends. */
  #listenedUpTo(own: Moment): void {
    this.#peers.listened(own.at - this.#own.at, this.#everyMs)
    this.#own = own
    if (this.#peers.dropSilent(this.#maxStaleMs) > 0) this.#doubt('vanished')
  }

  /** What is held was true up to `verifiedAt`, and is noted so: ahead of `#advance`, which moves that on. */
  #endDoubt(): void {
    if (this.#isTrusted) return
    this.#events.everythingChanged()
    this.#isTrusted = true
  }

  #takeForeign(frame: ReadFrame, bytes: Buffer): void {
    this.#received++
    const { proofs, size } = this.#peers
    const isWhole =
      frame.kind !== 'changes' || readChanges(bytes, frame.bodyEnd, (change) => this.#events.changed(change))
    const heard = this.#peers.hear(frame, this.#own)
    if (heard === 'gap' || heard === 'stranger') this.#doubt(heard)
    else if (!isWhole) this.#doubt('gap')
    if (this.#peers.proofs !== proofs) this.#advance()
    // Somebody new: what he does not know of, he does not miss.
    if (this.#peers.size > size) this.#beatSoon()
  }

  #advance(): void {
    // While in doubt it stays where it was: until then what is held was known to be true.
    if (this.#isTrusted) this.#upTo = this.rules.upTo(this.#own, this.#peers.moments())
  }

  /** Something may have been missed: nothing in L1 is used until an own beat has come back, and was read anew since. */
  #doubt(why: Doubt): void {
    if (!this.rules.doubts(why)) return
    this.#doubts[why]++
    this.#isTrusted = false
    this.#beatSoon()
  }

  #beatSoon(): void {
    if (!this.#isUp || this.#clock.now() - this.#lastBeatAt < this.#everyMs / EXTRA_BEATS) return
    this.#beat()
  }

  #miss(why: string): void {
    if (this.#isUp || this.#isClosed || this.#isMissed) return
    this.#isMissed = true
    this.#events.trouble('bus.lost', this.#unavailable(why, this.#connection.lastError))
  }

  /** That L1 is not used was told of. */
  #tellBack(): void {
    if (!this.#isMissed || !this.verifiedWithin(this.#maxStaleMs, this.#clock.now())) return
    this.#isMissed = false
    this.#log('info', `bus ${this.address}: is back, L1 is used again`)
    this.#events.trouble('bus.back')
  }

  #unavailable(why: string, cause?: unknown): CacheError {
    return new CacheError('bus_unavailable', `bus ${this.address}: ${why}`, { retryable: true, cause })
  }
}

function ignore(): void {}
