import type { Clock } from './clock.ts'

/** Longest frame that is published; a longer one is not ours. */
export const FRAME_BYTES_MAX = 65_536

/** What a bus gets of the cache that opens it. */
export interface BusEnvironment {
  readonly clock: Clock
  /** Whose frames are wanted: all processes that open the same topic hear of each other. Any text of 1 to 512 characters. */
  readonly topic: string
  /** Frames are published at least this often. */
  readonly heartbeatMs: number
  /** What is longer is `dropped`. */
  readonly frameBytesMax: number
  /** One line each, without credentials; the cache puts its name before it. */
  log(level: 'info' | 'warn', message: string): void
}

/** What a bus tells of one topic. None is called inside of `open` or `publish`; what one throws harms nobody else. */
export interface BusListener {
  /** Everything that is accepted from now on will be received. */
  connected(): void
  /** Whatever was accepted since the last `received` may be lost. `connected` is called again when that is over. */
  lost(): void
  /** One frame, as it was published. Its memory is used again as soon as the call returns. */
  received(frame: Uint8Array): void
  /** A frame longer than `frameBytesMax` was passed over, without being held in memory. */
  dropped(): void
}

/** One subscriber and publisher of a topic. */
export interface BusConnection {
  /** What to print of it: no credentials. */
  readonly address: string
  /** Why it is not connected, where that is known: without credentials. */
  readonly lastError?: Error | undefined
  /**
   * Resolves when the bus has accepted the frame, which is not changed meanwhile. Rejects at once with
   * `bus_unavailable` where there is no connection, and at `by` with an unknown outcome; nothing is ever sent again, or
   * later.
   */
  publish(frame: Uint8Array, by: number): Promise<void>
  /** Ends it; nothing is called afterwards. Idempotent. */
  close(): Promise<void>
}

/**
 * What carries word of invalidations between processes whose L2 cannot: `l1: { mode: 'bus', bus }`. One conformance
 * suite (testkit) holds every bus to it; why Δ follows from it is in docs/wire/bus.md.
 *
 * - **One order.** All frames of a topic have one order, and every subscriber, their own publisher included, receives
 *   them in it, each once. The frames of one connection are ordered as they were published. A frame that is published
 *   after another was accepted, by whomever, comes behind it.
 * - **No silent loss.** A subscriber that misses a frame is told `lost`. (Losses that a bus does not notice are found by
 *   the numbers in the frames, but later, and only of publishers that were heard before.)
 * - **Bounded.** It keeps nothing for a connection that is away, and no caller longer than he said.
 */
export interface Bus {
  /** Opens it for one cache, which then closes it. Never fails for want of a server: that is there later, or again. */
  open(environment: BusEnvironment, listener: BusListener): BusConnection
  /**
   * Frames are signed with it (HMAC-SHA-256), and others' without a signature by it are ignored. At least 16 bytes, the
   * same in every process. Default: none, and whoever can publish can empty every L1, keep it unused, and hide that a
   * frame was lost or refused.
   */
  readonly secret?: string | Uint8Array | undefined
}
