import type { WireClock, WireTimer } from './clock.ts'
import { describeEndpoint, type Endpoint } from './endpoint.ts'
import { HandshakeRefused } from './handshake.ts'

// A first connection that takes longer is told of, once; later losses are told of when they happen.
const ABSENT_AFTER_MS = 200
// Where there was no answer by then, an attempt has failed, for a reason that can be told, after this (it is given 1 s).
const CAUSE_AFTER_MS = 1_500
// A server that is away for longer is told of once more, with the reason why it cannot be used.
const STILL_ABSENT_AFTER_MS = 5_000
// Lines told between one connection and the next.
const WARNINGS_MAX = 32

/** A server that others go on without while it is away. */
export interface WatchedServer {
  /** What each line begins with. */
  readonly name: string
  readonly endpoint: Endpoint
  readonly clock: WireClock
  /** Why the last attempt to connect ended. */
  lastError(): Error | undefined
  /** One line, without credentials. */
  warn(line: string): void
}

/** What a log is told of a server: that it is away, why, and that it refuses. Each line once a connection. */
export class ServerWatch {
  readonly #server: WatchedServer
  readonly #told = new Set<string>()
  #absence: WireTimer
  /** Why the server refuses us: told by itself, and not once more as the reason of its absence. */
  #refusal: string | undefined
  #isSaidAway = false
  #isClosed = false

  constructor(server: WatchedServer) {
    this.#server = server
    this.#absence = this.#warnIfAbsent('not reached yet, going on without it', ABSENT_AFTER_MS)
  }

  ready(): void {
    this.#absence.cancel()
    this.#told.clear()
    this.#refusal = undefined
  }

  lost(error: Error): void {
    // A refusal is told by itself, right behind this.
    if (!(error instanceof HandshakeRefused)) {
      this.#sayAway(`is lost (${this.#reasonOf(error)}); going on without it, and connecting again`, ' ')
    }
    this.#absence.cancel()
    if (!this.#isClosed) this.#absence = this.#warnIfAbsent('still away', STILL_ABSENT_AFTER_MS)
  }

  /** `mend`: what the user can do about it. */
  refused(error: Error, mend = ''): void {
    this.#refusal = error.message
    this.#sayAway(`${error.message}; going on without it${mend}`)
  }

  /** Whether a line has said that it is away since this was asked last: that it is used again is the owner's to say. */
  takeAbsence(): boolean {
    const isSaidAway = this.#isSaidAway
    this.#isSaidAway = false
    return isSaidAway
  }

  warn(text: string, separator = ': '): void {
    if (this.#isClosed || this.#told.has(text) || this.#told.size >= WARNINGS_MAX) return
    this.#told.add(text)
    this.#server.warn(`${this.#server.name}${separator}${text}`)
  }

  close(): void {
    this.#isClosed = true
    this.#absence.cancel()
  }

  /** A server that cannot be reached is a normal state, but not one to be silent about. */
  #warnIfAbsent(what: string, afterMs: number): WireTimer {
    const { clock, endpoint } = this.#server
    return clock.after(afterMs, () => {
      const error = this.#server.lastError()
      if (error === undefined) {
        const isTls = endpoint.transport === 'tls'
        this.#sayAway(
          `${what}: ${isTls ? 'no answer to the TLS handshake yet (is it a TLS port?)' : 'no answer'}`,
        )
        this.#absence = this.#warnIfAbsent('still away', CAUSE_AFTER_MS)
      } else if (error.message !== this.#refusal) this.#sayAway(`${what}: ${this.#reasonOf(error)}`)
    })
  }

  #sayAway(text: string, separator?: string): void {
    this.#isSaidAway = true
    this.warn(text, separator)
  }

  /** Why a connection ended. The line that it is told in names the configured server already. */
  #reasonOf({ message }: Error): string {
    const where = `${describeEndpoint(this.#server.endpoint)}: `
    return message.startsWith(where) ? message.slice(where.length) : message
  }
}
