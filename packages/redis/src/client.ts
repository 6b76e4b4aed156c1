import {
  type Connect,
  Connection,
  type ConnectionLimits,
  type HandshakeLink,
  HandshakeRedirected,
  HandshakeRefused,
  isNoTls,
  type Receiver,
} from '@holdfast/wire'
import { CacheError, type Clock, type Timer } from 'holdfast/contracts'
import { type CommandOptions, type RedisCommands, type RedisScript, runScript } from './commands.ts'
import type { NodeChooser } from './failover/node-chooser.ts'
import { PrimaryFollower } from './failover/primary-follower.ts'
import { mapWireError } from './map-wire-error.ts'
import { OverlongValues } from './overlong-values.ts'
import { shakeHands, type Tracking } from './redis-handshake.ts'
import { RedisReplyError, replyError } from './reply-error.ts'
import { type EncodedCommand, encodeCommand, type RespArgument } from './resp-encode.ts'
import { RespParser } from './resp-parser.ts'
import type { RespValue } from './resp-value.ts'
import type { ServerFacts } from './server-facts.ts'
import { ServerTime } from './server-time.ts'
import type { RedisAddress } from './url.ts'
import { WriteStamp } from './write-stamp.ts'

/** A connection that is set up but not ready, as the `prepare` hook sees it. */
export interface RedisSession extends RedisCommands {
  readonly generation: number
  readonly facts: ServerFacts
  /** The moment by which preparing must be done. */
  readonly by: number
}

export type RedisReady = ServerFacts & { readonly generation: number }

/** All are called synchronously and in wire order. One that throws is reported to `onTrouble`, and breaks nothing. */
export interface RedisClientEvents {
  onReady?(ready: RedisReady): void
  onLost?(error: Error): void
  /** The server refuses us in a way that time will hardly mend. Told once per reason. */
  onFatal?(error: Error): void
  /** A node that was reached is not the one to use, and why; once a reason until a connection is ready. */
  onDetour?(why: string): void
  /** The user may not do what was asked for, in the server's words; the connection stays. Once a text. */
  onDenied?(why: string): void
  /** The server refuses writes (memory, disk or replicas), in its words; the connection stays. Once a cause and connection. */
  onRefusing?(why: string): void
  /** These keys, read on this connection, may have changed; null: any key may have. */
  onInvalidate?(keys: readonly Buffer[] | null): void
  /** Everything that the server did before `sentAtMs` (monotonic) has been delivered. */
  onVerified?(sentAtMs: number): void
  onTrouble?(error: unknown): void
}

export interface RedisClientOptions {
  readonly address: RedisAddress
  /** Default: the primary of the configured address. */
  readonly nodes?: NodeChooser | undefined
  readonly clock: Clock
  /** What is pushed when it changes: all that is read, or what commands with `track` read. */
  readonly tracking: Tracking
  readonly heartbeatMs: number
  /** Shown by CLIENT LIST. Printable ASCII without spaces, at most 64 characters. Default `holdfast`. */
  readonly clientName?: string | undefined
  readonly events?: RedisClientEvents | undefined
  /** Runs on each new connection before it is ready; when it rejects the connection is given up and tried again. */
  readonly prepare?: ((session: RedisSession) => Promise<void>) | undefined
  /** Commands that go out with each heartbeat; their replies are dropped. */
  readonly heartbeatExtra?: (() => readonly (readonly RespArgument[])[]) | undefined
  readonly limits?: Partial<ConnectionLimits> | undefined
  /** A longer bulk string ends the connection. Default 512 MiB. */
  readonly bulkBytesMax?: number | undefined
  /** A longer one is passed over, and told as RespOverlong. Default: bulkBytesMax. */
  readonly keptBytesMax?: number | undefined
  readonly connect?: Connect | undefined
}

// Deadlines this near to each other are met by one barrier: within the resolution of deadlines anyway.
const BARRIER_SPREAD_MS = 10
// An answer to a heartbeat is of use for Δ, which is three heartbeats; a longer wait only delays noticing a dead peer.
const HEARTBEAT_WAIT_MAX_MS = 5000
const INVALIDATE = Buffer.from('invalidate')
/** Answers of a server that is not the one to talk to, or not yet, or no longer. */
const UNFIT = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'NOAUTH'])
// Different reasons that are told of; further ones are not.
const TOLD_MAX = 16

interface Barrier {
  readonly by: number
  readonly stamp: WriteStamp
  readonly done: Promise<void>
}

/** One connection to one Redis or Valkey server, kept up and verified by heartbeats. */
export class RedisClient implements RedisCommands {
  readonly #options: RedisClientOptions
  readonly #clock: Clock
  readonly #events: RedisClientEvents
  /** Values that are not asked for, for a while. */
  readonly overlong: OverlongValues
  readonly #nodes: NodeChooser
  readonly #connection: Connection<RespValue>
  readonly #time: ServerTime
  #facts: ServerFacts | undefined
  #heartbeat: Timer | undefined
  #barrier: Barrier | undefined
  /** What was told already. */
  readonly #detours = new Set<string>()
  readonly #denials = new Set<string>()
  readonly #refusals = new Set<string>()

  /** Starts connecting at once. Throws only `invalid_argument`. */
  constructor(options: RedisClientOptions) {
    const clientName = options.clientName ?? 'holdfast'
    if (!/^[\x21-\x7e]{1,64}$/.test(clientName)) {
      throw new CacheError(
        'invalid_argument',
        'clientName: expected 1 to 64 printable ASCII characters, no spaces',
      )
    }
    this.#options = options
    this.#clock = options.clock
    this.#events = options.events ?? {}
    this.#nodes = options.nodes ?? new PrimaryFollower(options.address.endpoint)
    this.overlong = new OverlongValues(options.clock)
    this.#time = new ServerTime(options.clock)
    this.#connection = new Connection<RespValue>({
      endpoint: () => this.#nodes.next(),
      framing: () => new RespParser(options),
      handshake: (link) => this.#prepare(link, clientName),
      errorOf: (reply) => this.#errorOf(reply),
      mapError: mapWireError,
      limits: options.limits,
      clock: options.clock,
      connect: options.connect,
      events: {
        onReady: (generation) => this.#becomeReady(generation),
        onLost: (error) => this.#lose(error),
        onFatal: (error) => this.#events.onFatal?.(error),
        onPush: (message) => this.#takePush(message),
        onTrouble: (error) => this.#events.onTrouble?.(error),
      },
    })
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  /** Names the connection in use; rises with each one. */
  get generation(): number {
    return this.#connection.generation
  }

  /** Of the last server that was reached. */
  get facts(): ServerFacts | undefined {
    return this.#facts
  }

  /** Why the last connection or attempt ended. */
  get lastError(): Error | undefined {
    const { lastError, endedUnheard } = this.#connection
    if (isNoTls(lastError)) return unavailable(`${lastError?.message}; plaintext wants redis://`)
    if (lastError === undefined || !endedUnheard) return lastError
    const hint = this.#options.address.endpoint.transport === 'tcp' ? '; a TLS port wants rediss://' : ''
    return unavailable(`${lastError.message} before its first answer${hint}`)
  }

  /** The server's wall clock, estimated to half a round trip; ours until a server was reached. */
  serverNow(): number {
    return this.#time.now()
  }

  command(args: readonly RespArgument[], options: CommandOptions): Promise<RespValue> {
    return this.#isAskedToTrack(options)
      ? this.#connection.send(tracked(encodeCommand(args)), { ...options, replies: 2 })
      : this.#connection.send(encodeCommand(args), options)
  }

  /** `command` for a receiver in place of a promise: it is answered in wire order, and told of every failure. */
  post(args: readonly RespArgument[], options: CommandOptions, receiver: Receiver<RespValue>): void {
    if (this.#isAskedToTrack(options)) {
      this.#connection.post(tracked(encodeCommand(args)), { ...options, replies: 2 }, receiver)
    } else {
      this.#connection.post(encodeCommand(args), options, receiver)
    }
  }

  script(
    script: RedisScript,
    keys: readonly RespArgument[],
    args: readonly RespArgument[],
    options: CommandOptions,
  ): Promise<RespValue> {
    return runScript(this, script, keys, args, options)
  }

  /**
   * Resolves when everything that the server did before this call has been delivered. One command for all
   * callers of a tick (whose deadlines are within 10 ms of each other).
   */
  barrier(by: number): Promise<void> {
    const shared = this.#barrier
    if (shared !== undefined && !shared.stamp.written && Math.abs(shared.by - by) <= BARRIER_SPREAD_MS) {
      return shared.done
    }
    const stamp = new WriteStamp(this.#clock)
    const done = this.#time.ask(this.#connection, by, (sentAtMs) => this.#verify(sentAtMs), stamp)
    const barrier = { by, stamp, done }
    this.#barrier = barrier
    const forget = (): void => {
      if (this.#barrier === barrier) this.#barrier = undefined
    }
    done.then(forget, forget)
    return done
  }

  /** A script could not store tokens, and answered all the same: that is how it meets a full memory. */
  mintedTooLittle(): void {
    // Where it says why it refuses, it needs no guess.
    if (this.#refusals.size === 0)
      this.#tellRefusal('OOM', 'the server keeps no new token (is its memory full?)')
  }

  /** Gives up the present connection and opens another, e.g. when its server is no longer the primary. */
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

  #isAskedToTrack({ track }: CommandOptions): boolean {
    return track === true && this.#options.tracking === 'asked'
  }

  async #prepare(link: HandshakeLink<RespValue>, clientName: string): Promise<void> {
    const { address, tracking, prepare } = this.#options
    const { credentials, db } = address
    this.#time.restart()
    const facts = await shakeHands(link, { credentials, db, clientName, tracking }, this.#time)
    this.#facts = facts
    this.#judge(facts)
    const command: RedisCommands['command'] = (args, options) => link.send(encodeCommand(args), options)
    await prepare?.({
      generation: link.generation,
      by: link.by,
      facts,
      command,
      script: (script, keys, args, options) => runScript({ command }, script, keys, args, options),
    })
  }

  #judge(facts: ServerFacts): void {
    const verdict = this.#nodes.judge(facts)
    if (verdict.state === 'use') return
    const { why } = verdict
    if (this.#detours.size < TOLD_MAX && !this.#detours.has(why)) {
      this.#detours.add(why)
      this.#tell(() => this.#events.onDetour?.(why))
    }
    throw verdict.state === 'go_on' ? new HandshakeRedirected(why) : unavailable(why)
  }

  #becomeReady(generation: number): void {
    this.#detours.clear()
    this.#refusals.clear()
    this.#beat()
    if (this.#facts !== undefined) this.#events.onReady?.({ ...this.#facts, generation })
  }

  #lose(error: Error): void {
    this.#heartbeat?.cancel()
    this.#events.onLost?.(error)
  }

  #beat(): void {
    const { heartbeatMs, heartbeatExtra } = this.#options
    this.#heartbeat = this.#clock.after(heartbeatMs, () => this.#beat())
    const by = this.#clock.now() + Math.min(3 * heartbeatMs, HEARTBEAT_WAIT_MAX_MS)
    // Before TIME: a server that is no primary any more is left before its answer counts as verified.
    const refused = (error: unknown): void => this.#checkRights(error)
    this.command(['HELLO'], { by, tap: (reply) => this.#checkRole(reply) }).catch(refused)
    this.#time.ask(this.#connection, by, (sentAtMs) => this.#verify(sentAtMs)).catch(refused)
    try {
      for (const extra of heartbeatExtra?.() ?? []) this.command(extra, { by }).catch(ignore)
    } catch (error) {
      this.#events.onTrouble?.(error)
    }
  }

  /** A demoted server answers reads from the past, and refuses writes: another one must be found. */
  #checkRole(reply: RespValue): void {
    const role = reply instanceof Map ? reply.get('role') : undefined
    if (role !== undefined && String(role) !== 'master') {
      this.#leave(unavailable('the server is no primary any more'))
    }
  }

  /** A user who was allowed all of this when the connection was made is not any more. */
  #checkRights(error: unknown): void {
    if (error instanceof RedisReplyError && error.prefix === 'NOPERM')
      this.#leave(new HandshakeRefused(error))
  }

  #errorOf(reply: RespValue): Error | undefined {
    const error = replyError(reply, this.#options.address.credentials)
    if (error === undefined) return undefined
    // The handshake finds out more: which server to go to, when it is ready, or that it is not for us.
    if (UNFIT.has(error.prefix)) queueMicrotask(() => this.#leave(unavailable(error.message)))
    const why = error.message
    if (error.prefix === 'NOPERM') this.#tellIfKept(this.#denials, why, () => this.#events.onDenied?.(why))
    if (error.refusesWrites) this.#tellRefusal(error.prefix, why)
    return error
  }

  /** By the first word of the answer: a script adds to the others where it was. */
  #tellRefusal(cause: string, why: string): void {
    this.#tellIfKept(this.#refusals, cause, () => this.#events.onRefusing?.(why))
  }

  /** Told where the connection stays: one that is given up for this is told of by its refusal. */
  #tellIfKept(told: Set<string>, what: string, tell: () => void): void {
    if (told.size >= TOLD_MAX || told.has(what)) return
    told.add(what)
    this.#clock.after(0, () => {
      if (this.ready) this.#tell(tell)
      else told.delete(what)
    })
  }

  #leave(reason: Error): void {
    if (this.ready) this.reconnect(reason)
  }

  /** The answer to TIME comes after every push that the server had made before it. */
  #verify(sentAtMs: number): void {
    this.#tell(() => this.#events.onVerified?.(sentAtMs))
  }

  #tell(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#events.onTrouble?.(error)
    }
  }

  #takePush(message: RespValue): void {
    if (!Array.isArray(message)) return
    const [kind, names] = message
    if (!Buffer.isBuffer(kind) || !kind.equals(INVALIDATE)) return
    this.#events.onInvalidate?.(Array.isArray(names) ? names.filter((name) => Buffer.isBuffer(name)) : null)
  }
}

function unavailable(why: string): CacheError {
  return new CacheError('l2_unavailable', why, { tier: 'l2', retryable: true })
}

const TRACK_NEXT = encodeCommand(['CLIENT', 'CACHING', 'YES'])

/** The command and, in one piece before it, the request to track what it reads. */
function tracked(command: EncodedCommand): EncodedCommand {
  const parts = typeof command === 'string' ? [command] : command
  return [...(typeof TRACK_NEXT === 'string' ? [TRACK_NEXT] : []), ...parts]
}

/** A heartbeat that fails is told by what it does not verify. */
function ignore(): void {}
