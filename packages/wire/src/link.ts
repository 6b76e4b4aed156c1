import type { WireClock, WireTimer } from './clock.ts'
import { type Command, commandBytes, type Receiver, type SendOptions } from './command.ts'
import type { Connect, WireSocket } from './connect.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { describeEndpoint, type Endpoint } from './endpoint.ts'
import type { FrameSink, Framing } from './framing.ts'
import { InFlight } from './in-flight.ts'
import type { ConnectionLimits } from './limits.ts'
import { Outbox } from './outbox.ts'
import { WireError, type WireErrorCode } from './wire-error.ts'

/** What a link needs of its owner. None of the callbacks throws. */
export interface LinkOwner<Message> {
  readonly endpoint: Endpoint
  readonly clock: WireClock
  readonly limits: ConnectionLimits
  readonly connect: Connect
  framing(): Framing<Message>
  errorOf(message: Message): unknown
  readonly completes: ((message: Message, mark: number) => boolean) | undefined
  mapError(error: WireError): Error
  opened(): void
  push(message: Message): void
  /** Once, when nothing can be sent any more; everything in flight is rejected by then. */
  gone(error: Error): void
}

// A timer later than this means that this process was blocked: silence until now proves nothing of the server.
const BLOCKED_MS = 100
// A write costs the kernel as much as ten commands cost us. With this many unanswered the server works for 100 µs or
// more: what comes up meanwhile leaves together, at the end of the event loop's turn or in writes of this size. With 512
// GETs in flight a write per chunk of replies did 2.35 × the best peer's calls, this does 2.94 ×; fewer in flight do not
// come here (npm run bench -- --only get-512).
const BUSY_COMMANDS = 128
const BATCH_BYTES = 4096
// How long a closing socket may take to say goodbye.
const FAREWELL_MS = 200

/** One socket from its opening to its end. */
export class Link<Message> implements FrameSink<Message> {
  readonly #owner: LinkOwner<Message>
  readonly #socket: WireSocket
  readonly #framing: Framing<Message>
  readonly #inFlight: InFlight<Message>
  readonly #outbox = new Outbox()
  readonly #deadlines: DeadlineTimer
  readonly #ended = Promise.withResolvers<void>()
  readonly #flush = (): void => {
    // A larger batch may have left early, with what this was meant for.
    if (!this.#flushDue) return
    this.#flushDue = false
    if (this.#state !== 'open') return
    this.#inFlight.markWritten()
    this.#outbox.drainTo(this.#socket)
  }
  #flushDue = false
  #state: 'opening' | 'open' | 'gone' = 'opening'
  #isUnheard = false
  /** Before this moment the server's silence is not judged. */
  #judgedFrom = -Infinity
  #farewell: WireTimer | undefined

  constructor(owner: LinkOwner<Message>) {
    this.#owner = owner
    this.#framing = owner.framing()
    this.#inFlight = new InFlight((message) => owner.errorOf(message), owner.completes)
    this.#deadlines = new DeadlineTimer(owner.clock, (lateMs) => this.#check(lateMs))
    this.#socket = owner.connect(owner.endpoint, {
      opened: () => this.#opened(),
      data: (chunk) => this.#read(chunk),
      closed: (error) => this.#closed(error),
    })
  }

  /** Sends with the other commands of this tick. Never throws. */
  send(command: Command, options: SendOptions<Message>): Promise<Message> {
    const bytes = commandBytes(command)
    const refusal = this.#refusal(bytes, options.by)
    if (refusal !== undefined) return Promise.reject(refusal)
    const answer = this.#inFlight.push(options)
    this.#hand(command, bytes, options)
    return answer
  }

  /** Sends for a receiver, which is told of everything, a refusal included. */
  post(command: Command, options: SendOptions<Message>, receiver: Receiver<Message>): void {
    const bytes = commandBytes(command)
    const refusal = this.#refusal(bytes, options.by)
    if (refusal !== undefined) {
      receiver.fail(refusal)
      return
    }
    this.#inFlight.add(receiver, options)
    this.#hand(command, bytes, options)
  }

  /** Whether it was open, and has brought no message. */
  get isUnheard(): boolean {
    return this.#isUnheard
  }

  reply(message: Message): void {
    if (this.#state === 'gone') return
    this.#isUnheard = false
    if (!this.#inFlight.reply(message)) throw new Error('a reply that no command waits for')
  }

  get borrows(): boolean {
    return this.#inFlight.borrows
  }

  push(message: Message): void {
    if (this.#state === 'gone') return
    this.#isUnheard = false
    this.#owner.push(message)
  }

  /** Ends the link at once; what is in flight is rejected as lost. */
  fail(error: Error): void {
    if (this.#state === 'gone') return
    this.#leave(error, 'lost', 'unavailable')
    this.#socket.destroy()
  }

  /** Rejects what is in flight, says goodbye to the peer, and resolves when the socket is closed. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#leave(new WireError('closed', 'closed by its owner'), 'closed', 'closed')
      this.#socket.end()
      this.#farewell = this.#owner.clock.after(FAREWELL_MS, () => this.#socket.destroy())
    } else {
      this.fail(new WireError('closed', 'closed by its owner'))
    }
    return this.#ended.promise
  }

  #hand(command: Command, bytes: number, { by, urgent }: SendOptions<Message>): void {
    this.#outbox.add(command, bytes)
    if (!this.#flushDue) {
      this.#flushDue = true
      // A server that has much to do is not kept waiting by commands that wait for those of the next replies.
      if (this.#inFlight.unanswered >= BUSY_COMMANDS) setImmediate(this.#flush)
      else process.nextTick(this.#flush)
    } else if (this.#outbox.bytes >= BATCH_BYTES && this.#inFlight.unanswered >= BUSY_COMMANDS) {
      this.#flush()
    }
    if (urgent === true) this.#flush()
    this.#deadlines.need(by)
  }

  get #where(): string {
    return describeEndpoint(this.#owner.endpoint)
  }

  #refusal(bytes: number, by: number): Error | undefined {
    const { limits, clock } = this.#owner
    if (this.#state !== 'open') return this.#error('unavailable', 'the connection is not open')
    if (this.#inFlight.size >= limits.inFlightMax) {
      return this.#error('overloaded', `${limits.inFlightMax} commands are in flight`)
    }
    if (this.#outbox.bytes + this.#socket.writableLength + bytes > limits.bufferedBytesMax) {
      return this.#error('overloaded', `more than ${limits.bufferedBytesMax} bytes would wait to be sent`)
    }
    // The clock is read only where the timer says that it may matter.
    if (this.#deadlines.isAfter(by) && by <= clock.now()) {
      return this.#error('timeout', 'the deadline had passed before the command was sent')
    }
    return undefined
  }

  #error(code: WireErrorCode, text: string, cause?: unknown): Error {
    return this.#owner.mapError(new WireError(code, `${this.#where}: ${text}`, cause))
  }

  #opened(): void {
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.#isUnheard = true
    this.#owner.opened()
  }

  #read(chunk: Buffer): void {
    if (this.#state === 'gone') return
    try {
      this.#framing.read(chunk, this)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.fail(new WireError('protocol', `${this.#where}: ${text}`, error))
    }
  }

  #closed(error: Error | undefined): void {
    this.#farewell?.cancel()
    const text = error === undefined ? 'the peer closed the connection' : error.message
    if (this.#state !== 'gone') {
      this.#leave(new WireError('lost', `${this.#where}: ${text}`, error), 'lost', 'unavailable')
    }
    this.#ended.resolve()
  }

  #leave(error: Error, writtenCode: WireErrorCode, unwrittenCode: WireErrorCode): void {
    this.#state = 'gone'
    this.#deadlines.cancel()
    const rejection = (code: WireErrorCode, text: string): Error =>
      this.#owner.mapError(new WireError(code, `${error.message}; ${text}`, error))
    if (this.#inFlight.size > 0) {
      this.#inFlight.failAll(
        rejection(writtenCode, 'the outcome is unknown'),
        rejection(unwrittenCode, 'the command was not sent'),
      )
    }
    this.#owner.gone(error)
  }

  /** Ends the waits that are over, and this link if its server is silent; the next moment to look. */
  #check(lateMs: number): number {
    const { clock, limits } = this.#owner
    const now = clock.now()
    if (lateMs > BLOCKED_MS) this.#judgedFrom = now
    const next = this.#inFlight.expire(now, () =>
      this.#error('timeout', 'no answer within the deadline; the outcome is unknown'),
    )
    const stallAt = Math.max(this.#inFlight.oldestBy, this.#judgedFrom) + limits.stallMs
    if (now < stallAt) return Math.min(next, stallAt)
    this.fail(new WireError('lost', `${this.#where}: no answer for ${limits.stallMs} ms after a deadline`))
    return Infinity
  }
}
