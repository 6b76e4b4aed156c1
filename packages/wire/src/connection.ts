import { Backoff } from './backoff.ts'
import { afterTurn, systemWireClock, type WireClock, type WireTimer } from './clock.ts'
import type { Command, Receiver, SendOptions } from './command.ts'
import { type Connect, connectSocket } from './connect.ts'
import { describeEndpoint, type Endpoint } from './endpoint.ts'
import type { Framing } from './framing.ts'
import { type Handshake, HandshakeRedirected, HandshakeRefused } from './handshake.ts'
import { type ConnectionLimits, DEFAULT_LIMITS } from './limits.ts'
import { Link, type LinkOwner } from './link.ts'
import { WireError, type WireErrorCode } from './wire-error.ts'

/** What a connection tells its owner. A callback that throws is reported to `onTrouble`, and breaks nothing. */
export interface ConnectionEvents<Message> {
  /** The handshake is done and commands can be sent. */
  onReady?(generation: number): void
  /** The ready connection is gone, and everything in flight on it rejected. */
  onLost?(error: Error): void
  /** A message that answers no command, in wire order with replies; also during the handshake. */
  onPush?(message: Message): void
  /** The handshake was refused in a way that time will hardly mend. Told once per reason until ready again. */
  onFatal?(error: Error): void
  onTrouble?(error: unknown): void
}

export interface ConnectionOptions<Message> {
  /** Where to connect; a function is asked before each attempt. */
  readonly endpoint: Endpoint | (() => Endpoint)
  /** Makes the framing of one socket. */
  readonly framing: () => Framing<Message>
  readonly handshake?: Handshake<Message> | undefined
  readonly events?: ConnectionEvents<Message>
  readonly limits?: Partial<ConnectionLimits> | undefined
  /** Says which replies reject their command, and with what. Default: none. */
  readonly errorOf?: (message: Message) => Error | undefined
  /**
   * Whether a message is the last that answers the command of this mark: those before it go to its tap alone. Asked of
   * every answer, also where nobody waits for it any more. Throws where it cannot be one of this command's, which ends the
   * connection. Default: they are counted (`replies`).
   */
  readonly completes?: (message: Message, mark: number) => boolean
  /** Turns errors of the connection into the owner's own. Default: as they are. */
  readonly mapError?: (error: WireError) => Error
  readonly clock?: WireClock
  readonly connect?: Connect | undefined
}

/**
 * Keeps one socket to one server: opens it, opens it again when it breaks (exponential backoff, full jitter,
 * for ever), and sends commands down it in a pipeline. Being down is a normal state: nothing queues for it.
 */
export class Connection<Message> {
  readonly #options: ConnectionOptions<Message>
  readonly #limits: ConnectionLimits
  readonly #clock: WireClock
  readonly #owner: Omit<LinkOwner<Message>, 'opened' | 'endpoint'>
  readonly #backoff: Backoff
  /** Where the last attempt went. */
  #endpoint: Endpoint | undefined
  /** The socket in use or in the making. */
  #link: Link<Message> | undefined
  #isReady = false
  #readyAt = 0
  #generation = 0
  #retry: WireTimer | undefined
  #connectTimer: WireTimer | undefined
  #lastError: Error | undefined
  #endedUnheard = false
  #refusal: string | undefined
  #closing: Promise<void> | undefined

  /** Starts connecting at once. Never throws for a server that cannot be reached. */
  constructor(options: ConnectionOptions<Message>) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#clock = options.clock ?? systemWireClock
    this.#backoff = new Backoff(this.#clock, this.#limits)
    this.#owner = this.#makeOwner()
    this.#open()
  }

  get ready(): boolean {
    return this.#isReady
  }

  /** The number of sockets that have opened so far, which names the present one. 0: none yet. */
  get generation(): number {
    return this.#generation
  }

  /** Why the last socket or attempt ended. */
  get lastError(): Error | undefined {
    return this.#lastError
  }

  /** Whether that was a socket that was lost before anything had come over it: what a server of TLS does to plain text. */
  get endedUnheard(): boolean {
    return this.#endedUnheard
  }

  /**
   * Sends one command on the ready connection, in one write with all others of this tick. Rejects at once with
   * 'unavailable' where there is none, 'overloaded' beyond a bound; later with 'timeout', 'lost' or 'closed'.
   */
  send(command: Command, options: SendOptions<Message>): Promise<Message> {
    if (this.#link !== undefined && this.#isReady) return this.#link.send(command, options)
    return Promise.reject(this.#unavailable())
  }

  /** `send` for a receiver in place of a promise: the same, a promise and its turn of the microtask queue cheaper. */
  post(command: Command, options: SendOptions<Message>, receiver: Receiver<Message>): void {
    if (this.#link !== undefined && this.#isReady) this.#link.post(command, options, receiver)
    else receiver.fail(this.#unavailable())
  }

  /** Replaces the present socket, for a reason the protocol knows (a server that is no longer the right one). */
  reconnect(reason: Error): void {
    this.#link?.fail(reason)
  }

  /** Rejects what is in flight, and resolves when the socket is closed. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#retry?.cancel()
      this.#connectTimer?.cancel()
      // Assigned before the link ends, which looks at it.
      const closed = Promise.withResolvers<void>()
      this.#closing = closed.promise
      const ended = this.#link?.close() ?? Promise.resolve()
      ended.then(closed.resolve, closed.reject)
    }
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #makeOwner(): Omit<LinkOwner<Message>, 'opened' | 'endpoint'> {
    const { framing, events, errorOf, completes, mapError, connect } = this.#options
    return {
      clock: this.#clock,
      limits: this.#limits,
      connect: connect ?? connectSocket,
      framing,
      errorOf: errorOf ?? (() => undefined),
      completes,
      mapError: mapError ?? ((error) => error),
      push: (message) => this.#tell(() => events?.onPush?.(message)),
      gone: (error) => this.#gone(error),
    }
  }

  #open(): void {
    const by = this.#clock.now() + this.#limits.connectTimeoutMs
    const { endpoint } = this.#options
    try {
      this.#endpoint = typeof endpoint === 'function' ? endpoint() : endpoint
      const owner = { ...this.#owner, endpoint: this.#endpoint }
      const link = new Link({ ...owner, opened: () => void this.#prepare(link, by) })
      this.#link = link
      this.#connectTimer = this.#clock.after(this.#limits.connectTimeoutMs, () => this.#connectOverdue(link))
    } catch (error) {
      this.#note(asError(error), false)
      this.#reopen(asError(error))
    }
  }

  #connectOverdue(link: Link<Message>): void {
    // One turn first: if this process was blocked, the answer may be waiting in the socket.
    afterTurn(this.#clock, () => {
      if (this.#isReady || this.#link !== link) return
      link.fail(this.#error('unavailable', `not ready within ${this.#limits.connectTimeoutMs} ms`))
    })
  }

  async #prepare(link: Link<Message>, by: number): Promise<void> {
    const generation = ++this.#generation
    try {
      await this.#options.handshake?.({
        generation,
        by,
        send: (command, options) => link.send(command, options),
      })
    } catch (error) {
      link.fail(asError(error))
      return
    }
    if (this.#link !== link) return
    this.#connectTimer?.cancel()
    this.#isReady = true
    this.#readyAt = this.#clock.now()
    this.#refusal = undefined
    this.#tell(() => this.#options.events?.onReady?.(generation))
  }

  /** The present link is over. */
  #gone(error: Error): void {
    const wasReady = this.#isReady
    const isLoss = error instanceof WireError && error.code === 'lost'
    const endedUnheard = isLoss && this.#link?.isUnheard === true
    this.#link = undefined
    this.#isReady = false
    this.#connectTimer?.cancel()
    // First: whoever is told that it is lost may ask why.
    this.#note(error, endedUnheard)
    if (wasReady) {
      this.#backoff.forgive(this.#clock.now() - this.#readyAt)
      this.#tell(() => this.#options.events?.onLost?.(error))
    }
    this.#reopen(error)
  }

  #note(error: Error, endedUnheard: boolean): void {
    this.#endedUnheard = endedUnheard
    this.#lastError = error instanceof HandshakeRefused ? error.cause : error
  }

  #reopen(error: Error): void {
    const isRefusal = error instanceof HandshakeRefused
    if (isRefusal && error.message !== this.#refusal) {
      this.#refusal = error.message
      this.#tell(() => this.#options.events?.onFatal?.(error.cause))
    }
    // Closed by its owner, maybe from a callback just now.
    if (this.#closing !== undefined) return
    const ms = this.#waitAfter(error)
    this.#retry = this.#clock.after(ms, () => this.#open())
  }

  #waitAfter(error: Error): number {
    if (error instanceof HandshakeRefused) return this.#backoff.slow()
    return error instanceof HandshakeRedirected ? this.#backoff.hop() : this.#backoff.next()
  }

  #unavailable(): Error {
    if (this.#closing !== undefined) return this.#error('closed', 'closed by its owner')
    const reason = this.#lastError === undefined ? 'not connected yet' : this.#lastError.message
    return this.#error('unavailable', `no connection (${reason})`, this.#lastError)
  }

  #error(code: WireErrorCode, text: string, cause?: unknown): Error {
    const where = this.#endpoint === undefined ? '' : `${describeEndpoint(this.#endpoint)}: `
    return this.#owner.mapError(new WireError(code, `${where}${text}`, cause))
  }

  #tell(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      try {
        this.#options.events?.onTrouble?.(error)
      } catch {
        // Nobody is left to tell.
      }
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
