import { systemClock } from 'holdfast/contracts'

// What a link that was idle may send at once; it also makes up for timers that fire late.
const BURST_MS = 20
// Pieces of this length are sent; a timer cannot do much better.
const PIECE_MS = 10

/** One direction of a link of limited speed, shared by all connections: each piece is given its moment in turn. */
export class Pace {
  #freeAtMs = -Infinity

  /** The most that is sent in one piece. */
  pieceBytesMax(bytesPerSecond: number): number {
    return Math.max(1, Math.floor((bytesPerSecond * PIECE_MS) / 1000))
  }

  /** Takes the link for so many bytes; answers when they have passed it. */
  reserve(bytes: number, bytesPerSecond: number): number {
    const startMs = Math.max(this.#freeAtMs, systemClock.now() - BURST_MS)
    this.#freeAtMs = startMs + (bytes / bytesPerSecond) * 1000
    return this.#freeAtMs
  }

  /** Forgets what was reserved: the speed has changed. */
  restart(): void {
    this.#freeAtMs = -Infinity
  }
}
