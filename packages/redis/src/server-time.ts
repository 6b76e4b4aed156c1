import type { Command, SendOptions } from '@holdfast/wire'
import type { Clock } from 'holdfast/contracts'
import { encodeCommand } from './resp-encode.ts'
import type { RespValue } from './resp-value.ts'
import { WriteStamp } from './write-stamp.ts'

/** What the question goes out on. */
interface Asked {
  send(command: Command, options: SendOptions<RespValue>): Promise<RespValue>
}

const TIME = encodeCommand(['TIME'])

// Two quartz clocks drift apart by less than 200 parts in a million: 0.2 ms a second.
const DRIFT_PER_MS = 0.0002

/**
 * Estimates the server's wall clock from its answers to TIME: each says what it was at some moment between
 * sending and receiving. The tightest answer is kept until drift has made it worse than a new one, or until a
 * new one contradicts it (the server's clock was set).
 */
export class ServerTime {
  readonly #clock: Clock
  #offsetMs: number | undefined
  #sampledAt = 0
  #errorMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since 1970 on the server; on this machine before any server was asked. */
  now(): number {
    return this.#offsetMs === undefined ? this.#clock.wallNow() : this.#clock.now() + this.#offsetMs
  }

  /** Forgets what is known: another server may answer from now on. */
  restart(): void {
    this.#errorMs = Infinity
  }

  /**
   * Asks the server for its time. `answered` is called synchronously with the reply, and is told when the
   * question was handed to the socket. `stamp` may be given to see that moment from outside.
   */
  async ask(
    link: Asked,
    by: number,
    answered?: (sentAtMs: number) => void,
    stamp: WriteStamp = new WriteStamp(this.#clock),
  ): Promise<void> {
    const tap = (reply: RespValue): void => {
      const serverMs = readTime(reply)
      if (serverMs === undefined || stamp.at === undefined) return
      this.sample(serverMs, stamp.at)
      answered?.(stamp.at)
    }
    await link.send(TIME, { by, sent: stamp, tap })
  }

  /** Takes an answer that was asked for at `sentAt` and is processed now. */
  sample(serverMs: number, sentAt: number): void {
    const now = this.#clock.now()
    const errorMs = (now - sentAt) / 2
    const offsetMs = serverMs - (sentAt + errorMs)
    const knownErrorMs = this.#errorMs + (now - this.#sampledAt) * DRIFT_PER_MS
    const contradicts = Math.abs(offsetMs - (this.#offsetMs ?? offsetMs)) > errorMs + knownErrorMs
    if (errorMs > knownErrorMs && !contradicts) return
    this.#offsetMs = offsetMs
    this.#sampledAt = now
    this.#errorMs = errorMs
  }
}

/** TIME answers seconds and microseconds as two bulk strings. */
function readTime(reply: RespValue): number | undefined {
  if (!Array.isArray(reply) || reply.length !== 2) return undefined
  const [seconds, micros] = reply.map((part) => Number(part))
  const ms = (seconds ?? NaN) * 1000 + (micros ?? NaN) / 1000
  return Number.isFinite(ms) ? ms : undefined
}
