import {
  type Command,
  type Connect,
  Connection,
  type ConnectionLimits,
  type HandshakeLink,
  isNoTls,
  type Receiver,
  type SendOptions,
} from '@holdfast/wire'
import { CacheError, type Clock, type Timer } from 'holdfast/contracts'
import type { MemcachedAddress } from '../url.ts'
import { askItem, type ItemFacts } from './ask-item.ts'
import { askStatistics, type StatisticsSection } from './ask-statistics.ts'
import { BatchCall, type BatchReceiver } from './batch-call.ts'
import { mapWireError } from './map-wire-error.ts'
import { shakeHands } from './memcached-handshake.ts'
import type { MetaCommand } from './meta-command.ts'
import { encodeMeta, encodeQuiet } from './meta-encode.ts'
import { MetaFraming } from './meta-framing.ts'
import type { MetaKey } from './meta-key.ts'
import type { MetaReply } from './meta-reply.ts'
import { completesCommand, Opaques } from './opaques.ts'
import { overlongValue } from './overlong-value.ts'
import { replyError } from './reply-error.ts'
import { ServerClock } from './server-clock.ts'
import type { MemcachedFacts, Statistics } from './server-facts.ts'

export type MemcachedReady = MemcachedFacts & { readonly generation: number }

/** All are called synchronously and in wire order. One that throws is reported to `onTrouble`, and breaks nothing. */
export interface MemcachedClientEvents {
  onReady?(ready: MemcachedReady): void
  onLost?(error: Error): void
  /** The server refuses us in a way that time will hardly mend. Told once per reason. */
  onFatal?(error: Error): void
  /** The server has no room for what it was sent, in its words; the connection stays. Once a connection. */
  onRefusing?(why: string): void
  onTrouble?(error: unknown): void
}

export interface MemcachedClientOptions {
  readonly address: MemcachedAddress
  readonly clock: Clock
  readonly events?: MemcachedClientEvents | undefined
  /** Runs on each new connection before it is ready; when it rejects the connection is given up and tried again. */
  readonly prepare?: ((session: MemcachedSession) => Promise<void>) | undefined
  /** Between two looks at the server's clock, which also find out that it is gone. Default 10,000. */
  readonly heartbeatMs?: number | undefined
  readonly limits?: Partial<ConnectionLimits> | undefined
  /** A longer value is passed over: its reply has `size` and no `value`. Default 1 GiB, the most a server takes. */
  readonly keptBytesMax?: number | undefined
  readonly connect?: Connect | undefined
}

/** As in wire; `late` is for `send` alone. */
export type MetaOptions = Pick<SendOptions<MetaReply>, 'by' | 'sent' | 'late' | 'urgent'>

/** Where commands go: a client, or, while it is prepared, a connection that is not ready yet. */
export interface MemcachedCommands {
  /**
   * One command. Rejects with MemcachedReplyError for an error reply, `l2_timeout` at its deadline (the outcome is
   * unknown), and `l2_unavailable`, whose cause is a WireError; its code 'lost' says that the outcome is unknown.
   * A value that the server would refuse for its size rejects with `value_too_large`, and nothing is sent.
   */
  send(command: MetaCommand, options: MetaOptions): Promise<MetaReply>
  /** Several, in this order and in one write; their replies, or the first error. */
  sendAll(commands: readonly MetaCommand[], options: MetaOptions): Promise<readonly MetaReply[]>
}

/** A connection that is set up but not ready, as the `prepare` hook sees it. */
export interface MemcachedSession extends MemcachedCommands {
  readonly generation: number
  readonly facts: MemcachedFacts
  /** The moment by which preparing must be done. */
  readonly by: number
}

const HEARTBEAT_MS = 10_000
// A longer wait for the answer to one only delays noticing a dead peer.
const HEARTBEAT_WAIT_MS_MAX = 5000

/** One connection to one Memcached server, kept up. */
export class MemcachedClient implements MemcachedCommands {
  readonly #options: MemcachedClientOptions
  readonly #clock: Clock
  readonly #heartbeatMs: number
  readonly #events: MemcachedClientEvents
  readonly #connection: Connection<MetaReply>
  readonly #opaques = new Opaques()
  readonly #serverClock: ServerClock
  /** Of the socket in use or in the making. */
  #framing = new MetaFraming()
  #isRefusalTold = false
  #facts: MemcachedFacts | undefined
  #heartbeat: Timer | undefined

  /** Starts connecting at once. */
  constructor(options: MemcachedClientOptions) {
    const { address, clock, limits, connect } = options
    this.#options = options
    this.#clock = clock
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS
    this.#events = options.events ?? {}
    this.#serverClock = new ServerClock(clock)
    this.#connection = new Connection<MetaReply>({
      endpoint: address.endpoint,
      framing: () => {
        this.#framing = new MetaFraming({
          keptBytesMax: options.keptBytesMax,
          credentials: address.credentials,
        })
        return this.#framing
      },
      handshake: (link) => this.#prepare(link),
      completes: completesCommand,
      errorOf: (reply) => this.#errorOf(reply),
      mapError: mapWireError,
      limits,
      clock,
      connect,
      events: {
        onReady: (generation) => this.#becomeReady(generation),
        onLost: (error) => this.#lose(error),
        onFatal: (error) => this.#events.onFatal?.(error),
        onTrouble: (error) => this.#events.onTrouble?.(error),
      },
    })
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  /** Names the connection in use; rises with each one. What a lease is bound to. */
  get generation(): number {
    return this.#connection.generation
  }

  /** Of the last server that was reached. */
  get facts(): MemcachedFacts | undefined {
    return this.#facts
  }

  /** Why the last connection or attempt ended. */
  get lastError(): Error | undefined {
    const { lastError, endedUnheard } = this.#connection
    if (isNoTls(lastError)) return unavailable(`${lastError?.message}; plaintext wants memcached://`)
    if (lastError === undefined || !endedUnheard) return lastError
    const hint = this.#options.address.endpoint.transport === 'tcp' ? '; a TLS port wants memcacheds://' : ''
    return unavailable(`${lastError.message} before its first answer${hint}`)
  }

  /** Milliseconds since 1970 by this machine's clock, kept within what the server's own says (whole seconds). */
  serverNow(): number {
    return this.#serverClock.now()
  }

  send(command: MetaCommand, options: MetaOptions): Promise<MetaReply> {
    return sendOn(this.#connection, this.#opaques, this.#facts, command, options)
  }

  sendAll(commands: readonly MetaCommand[], options: MetaOptions): Promise<readonly MetaReply[]> {
    return Promise.all(commands.map((command) => this.send(command, options)))
  }

  /** `send` for a receiver in place of a promise: it is answered in wire order, and told of every failure. */
  post(command: MetaCommand, { by, sent, urgent }: MetaOptions, receiver: Receiver<MetaReply>): void {
    const refusal = overlongValue(command, this.#facts)
    if (refusal !== undefined) {
      receiver.fail(refusal)
      return
    }
    const mark = this.#opaques.take(1)
    this.#connection.post(encodeMeta(command, mark), { by, sent, urgent, mark }, receiver)
  }

  /**
   * A quiet batch, closed by `mn`: what has nothing to say (a miss of mg, the done of ms and md) sends nothing. All of it
   * is one write, in this order, and takes one place of those in flight. An error reply fails the batch from there on:
   * the server does not say whose it is.
   */
  postQuiet(commands: readonly MetaCommand[], options: MetaOptions, receiver: BatchReceiver): void {
    for (const command of commands) {
      const refusal = overlongValue(command, this.#facts)
      if (refusal === undefined) continue
      receiver.fail(refusal)
      return
    }
    const first = this.#opaques.take(commands.length)
    const call = new BatchCall(receiver, first, commands.length, (error) => this.reconnect(error))
    const { by, sent, urgent } = options
    const encoded = encodeQuiet(commands, first)
    this.#connection.post(encoded, { by, sent, urgent, mark: -first, tap: call.tap }, call)
  }

  /** The fields of `stats`, or of one of its sections. */
  stats(section: StatisticsSection, by: number): Promise<Statistics> {
    return askStatistics(this.#connection, section, by)
  }

  /** What the server knows of an item, without touching it: for those who look into it. undefined: it is not there. */
  itemFacts(key: MetaKey, by: number): Promise<ItemFacts | undefined> {
    return askItem(this.#connection, key, by)
  }

  /** Gives up the present connection and opens another. */
  reconnect(reason: Error): void {
    this.#connection.reconnect(reason)
  }

  /** Rejects what is in flight, and resolves when the socket is closed. Idempotent. */
  close(): Promise<void> {
    this.#heartbeat?.cancel()
    return this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #prepare(link: HandshakeLink<MetaReply>): Promise<void> {
    const framing = this.#framing
    const { address, prepare } = this.#options
    const parts = {
      credentials: address.credentials,
      clock: this.#clock,
      serverClock: this.#serverClock,
      opaques: this.#opaques,
    }
    const facts = await shakeHands(link, parts)
    framing.takesErrors = false
    this.#facts = facts
    const send: MemcachedCommands['send'] = (command, options) =>
      sendOn(link, this.#opaques, facts, command, options)
    await prepare?.({
      generation: link.generation,
      by: link.by,
      facts,
      send,
      sendAll: (commands, options) => Promise.all(commands.map((command) => send(command, options))),
    })
  }

  #becomeReady(generation: number): void {
    this.#isRefusalTold = false
    this.#awaitHeartbeat()
    if (this.#facts !== undefined) this.#events.onReady?.({ ...this.#facts, generation })
  }

  #lose(error: Error): void {
    this.#heartbeat?.cancel()
    this.#events.onLost?.(error)
  }

  #awaitHeartbeat(): void {
    this.#heartbeat = this.#clock.after(this.#heartbeatMs, () => this.#beat())
  }

  #beat(): void {
    this.#awaitHeartbeat()
    const sentAt = this.#clock.now()
    const by = sentAt + Math.min(3 * this.#heartbeatMs, HEARTBEAT_WAIT_MS_MAX)
    // One that fails is told by the connection, which ends for want of answers.
    askStatistics(this.#connection, '', by, (stats) => this.#serverClock.sample(stats, sentAt)).catch(ignore)
  }

  #errorOf(reply: MetaReply): Error | undefined {
    const error = replyError(reply, this.#options.address.credentials)
    if (error?.refusesWrites === true && !this.#isRefusalTold) {
      this.#isRefusalTold = true
      this.#tell(() => this.#events.onRefusing?.(error.message))
    }
    return error
  }

  #tell(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#events.onTrouble?.(error)
    }
  }
}

/** What a single command is sent on. */
interface Sender {
  send(command: Command, options: SendOptions<MetaReply>): Promise<MetaReply>
}

function sendOn(
  link: Sender,
  opaques: Opaques,
  facts: MemcachedFacts | undefined,
  command: MetaCommand,
  { by, sent, late, urgent }: MetaOptions,
): Promise<MetaReply> {
  const refusal = overlongValue(command, facts)
  if (refusal !== undefined) return Promise.reject(refusal)
  const mark = opaques.take(1)
  return link.send(encodeMeta(command, mark), { by, sent, late, urgent, mark })
}

function unavailable(why: string): CacheError {
  return new CacheError('l2_unavailable', why, { tier: 'l2', retryable: true })
}

function ignore(): void {}
