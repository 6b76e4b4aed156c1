import type { Token } from '../contracts.ts'
import type { Doubt } from '../stats.ts'
import type { Moment } from './bus-rules.ts'
import type { FrameHead } from './frame.ts'
import type { ReadFrame } from './read-frame.ts'

/** How a frame stands to what was known of its publisher: 'old' was heard before, or came too late. */
export type Heard = 'news' | 'old' | Extract<Doubt, 'gap' | 'stranger'>

interface Peer {
  number: number
  beat: number
  everyMs: number
  /** When this process sent the last own beat that had come back before its last frame: that frame is younger. */
  heard: Moment
  /** `#listenedMs` then. */
  heardMs: number
  /** False: it has vanished. Only its numbers are kept, so that it may come back without having missed anything. */
  isCounted: boolean
}

// Publishers that are known at once, of about 150 bytes each. A larger fleet has no use of this mode: see docs/wire/bus.md.
const PEERS_MAX = 4096
// Beats that may be late before their publisher has vanished: Δ is three of them.
const BEATS_PATIENCE = 3
// Nobody is waited for longer, however seldom he says that he beats. L1 is not used meanwhile.
const DELTAS_PATIENCE_MAX = 10

/** The other publishers of a topic: up to which number each was heard, and when last. */
export class Peers {
  readonly #peers = new Map<Token, Peer>()
  /** Time in which own beats came back: who was away himself has heard nobody, and nobody has vanished for it. */
  #listenedMs = 0
  #counted = 0
  #proofs = 0

  /** Those that are alive, as far as is known. */
  get size(): number {
    return this.#counted
  }

  /** Rises whenever `moments` may have changed. */
  get proofs(): number {
    return this.#proofs
  }

  /** Takes a frame that came in behind the own beat of `since`. */
  hear(frame: ReadFrame, since: Moment): Heard {
    const peer = this.#peers.get(frame.publisher)
    const heard = peer === undefined ? firstContact(frame) : standing(frame, peer)
    if (frame.kind === 'goodbye' && heard !== 'old') {
      this.#forget(frame.publisher)
      return heard
    }
    if (peer === undefined) return this.#meet(frame, since, heard)
    if (heard === 'old') return heard
    if (peer.heard !== since || !peer.isCounted) this.#proofs++
    peer.number = frame.number
    peer.beat = frame.beat
    peer.heard = since
    peer.heardMs = this.#listenedMs
    if (frame.kind === 'beat') peer.everyMs = frame.everyMs
    if (!peer.isCounted) this.#counted++
    peer.isCounted = true
    return heard
  }

  /** A new connection: what was said before `since` is of no concern, since nothing is believed that was read before it. */
  restart(since: Moment): void {
    for (const peer of this.#peers.values()) {
      peer.heard = since
      peer.heardMs = this.#listenedMs
    }
  }

  /** An own beat came back, `sinceLastMs` after the one before. */
  listened(sinceLastMs: number, everyMs: number): void {
    this.#listenedMs += Math.min(sinceLastMs, everyMs)
  }

  /**
   * Stops counting on those that were not heard for too long while own beats came back; answers how many. One whose Δ is
   * longer is given his own.
   */
  dropSilent(deltaMs: number): number {
    let dropped = 0
    for (const peer of this.#peers.values()) {
      const patienceMs = Math.min(
        Math.max(deltaMs, BEATS_PATIENCE * peer.everyMs),
        DELTAS_PATIENCE_MAX * deltaMs,
      )
      if (!peer.isCounted || this.#listenedMs - peer.heardMs <= patienceMs) continue
      peer.isCounted = false
      dropped++
    }
    this.#counted -= dropped
    return dropped
  }

  /** When each was last heard. */
  *moments(): Generator<Moment> {
    for (const { isCounted, heard } of this.#peers.values()) if (isCounted) yield heard
  }

  #meet(frame: ReadFrame, since: Moment, heard: Heard): Heard {
    const isFull = this.#peers.size >= PEERS_MAX
    const isOneLost = isFull && this.#makeRoom()
    const { publisher, number, beat, everyMs } = frame
    const heardMs = this.#listenedMs
    this.#peers.set(publisher, { number, beat, everyMs, heard: since, heardMs, isCounted: true })
    this.#counted++
    this.#proofs++
    return isOneLost ? 'gap' : heard
  }

  /** Whether one had to go that was counted on. */
  #makeRoom(): boolean {
    let oldest: Token | undefined
    for (const [publisher, { isCounted }] of this.#peers) {
      oldest ??= publisher
      if (isCounted) continue
      this.#forget(publisher)
      return false
    }
    if (oldest !== undefined) this.#forget(oldest)
    return true
  }

  #forget(publisher: Token): void {
    if (this.#peers.get(publisher)?.isCounted === true) this.#counted--
    this.#proofs++
    this.#peers.delete(publisher)
  }
}

function firstContact({ kind, number }: ReadFrame): Heard {
  return number > (kind === 'changes' ? 1 : 0) ? 'stranger' : 'news'
}

/** Numbers and beats rise together, so that of two frames one is the later in both, whatever order they come in. */
function standing(frame: ReadFrame, peer: Peer): Heard {
  if (isContradiction(frame, peer)) return 'gap'
  const isNextBeat = frame.kind !== 'changes' && frame.number === peer.number && frame.beat > peer.beat
  const isGoodbye = frame.kind === 'goodbye' && frame.number === peer.number
  if (isNextBeat || isGoodbye) return 'news'
  // One that had vanished may have said anything meanwhile.
  if (frame.number <= peer.number) return peer.isCounted ? 'old' : 'stranger'
  const next = frame.kind === 'changes' ? peer.number + 1 : peer.number
  return frame.number > next ? 'gap' : 'news'
}

/** Later by one count and earlier by the other: somebody else's frame, or a damaged one. */
function isContradiction(frame: FrameHead, peer: Peer): boolean {
  return (frame.number - peer.number) * (frame.beat - peer.beat) < 0
}
