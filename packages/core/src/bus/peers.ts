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
  /** When those that are counted on were heard, and how many then: few moments, however many they are. */
  readonly #moments = new Map<Moment, number>()
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
    peer.number = frame.number
    peer.beat = frame.beat
    if (frame.kind === 'beat') peer.everyMs = frame.everyMs
    this.#countOn(peer, since)
    return heard
  }

  /** A new connection: what was said before `since` is of no concern, since nothing is believed that was read before it. */
  restart(since: Moment): void {
    for (const peer of this.#peers.values()) if (peer.isCounted) this.#countOn(peer, since)
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
      this.#giveUp(peer)
      dropped++
    }
    return dropped
  }

  /** When each was last heard. */
  moments(): Iterable<Moment> {
    return this.#moments.keys()
  }

  #meet(frame: ReadFrame, since: Moment, heard: Heard): Heard {
    const isFull = this.#peers.size >= PEERS_MAX
    const isOneLost = isFull && this.#makeRoom()
    const { publisher, number, beat, everyMs } = frame
    const peer: Peer = { number, beat, everyMs, heard: since, heardMs: 0, isCounted: false }
    this.#peers.set(publisher, peer)
    this.#countOn(peer, since)
    return isOneLost ? 'gap' : heard
  }

  /** Whether one had to go that was counted on. */
  #makeRoom(): boolean {
    // In a flood of new ones all are counted on: then nobody is looked for, and the oldest goes.
    const hasSilent = this.#counted < this.#peers.size
    for (const [publisher, { isCounted }] of this.#peers) {
      if (hasSilent && isCounted) continue
      this.#forget(publisher)
      return isCounted
    }
    return false
  }

  #forget(publisher: Token): void {
    const peer = this.#peers.get(publisher)
    if (peer?.isCounted === true) this.#giveUp(peer)
    this.#peers.delete(publisher)
  }

  /** It was heard behind the own beat of `since`. */
  #countOn(peer: Peer, since: Moment): void {
    peer.heardMs = this.#listenedMs
    if (peer.isCounted && peer.heard === since) return
    if (peer.isCounted) this.#giveUp(peer)
    peer.isCounted = true
    peer.heard = since
    this.#counted++
    this.#moments.set(since, (this.#moments.get(since) ?? 0) + 1)
    this.#proofs++
  }

  #giveUp(peer: Peer): void {
    peer.isCounted = false
    this.#counted--
    const others = (this.#moments.get(peer.heard) ?? 0) - 1
    if (others > 0) this.#moments.set(peer.heard, others)
    else this.#moments.delete(peer.heard)
    this.#proofs++
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
