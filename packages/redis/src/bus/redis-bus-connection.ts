import {
  type Connect,
  Connection,
  type HandshakeLink,
  HandshakeRedirected,
  HandshakeRefused,
  type WireError,
} from '@holdfast/wire'
import {
  type BusConnection,
  type BusEnvironment,
  type BusListener,
  CacheError,
  type Timer,
} from 'holdfast/contracts'
import { PrimaryFollower } from '../failover/primary-follower.ts'
import { shakeHands } from '../redis-handshake.ts'
import { RedisReplyError, replyError } from '../reply-error.ts'
import { encodeCommand, type RespArgument } from '../resp-encode.ts'
import { RespParser } from '../resp-parser.ts'
import { RespOverlong, type RespValue } from '../resp-value.ts'
import type { ServerFacts } from '../server-facts.ts'
import { ServerTime } from '../server-time.ts'
import type { RedisAddress } from '../url.ts'
import { AnsweredSubscriptions } from './answered-subscriptions.ts'
import { channelOf } from './channel.ts'

// A first connection that takes longer is told of.
const ABSENT_AFTER_MS = 200
const MESSAGE = Buffer.from('message')
const NEEDED_RIGHTS = '; needed rights: leastBusAcl() of @holdfast/redis'
// Lines told between one connection and the next.
const WARNINGS_MAX = 16

/**
 * One RESP3 connection to the primary that both publishes and subscribes. Redis executes one PUBLISH after the other and
 * writes each to every subscriber before the next: the one order that a bus needs.
 */
export class RedisBusConnection implements BusConnection {
  readonly address: string
  readonly #environment: BusEnvironment
  readonly #listener: BusListener
  readonly #target: RedisAddress
  readonly #channel: string
  readonly #nodes: PrimaryFollower
  readonly #time: ServerTime
  readonly #connection: Connection<RespValue>
  readonly #warned = new Set<string>()
  #absence: Timer
  #checking: Timer | undefined
  #isClosed = false

  constructor(target: RedisAddress, environment: BusEnvironment, listener: BusListener, connect?: Connect) {
    const { clock, frameBytesMax } = environment
    this.address = target.display
    this.#target = target
    this.#environment = environment
    this.#listener = listener
    this.#channel = channelOf(target.db, environment.topic)
    this.#nodes = new PrimaryFollower(target.endpoint)
    this.#time = new ServerTime(clock)
    this.#connection = new Connection<RespValue>({
      endpoint: () => this.#nodes.next(),
      framing: () => new AnsweredSubscriptions(new RespParser({ keptBytesMax: frameBytesMax })),
      handshake: (link) => this.#prepare(link),
      errorOf: (reply) => replyError(reply, target.credentials),
      mapError: unavailable,
      clock,
      connect,
      events: {
        onReady: () => this.#becomeReady(),
        onLost: (error) => this.#lose(error),
        onFatal: (error) => this.#warn(`${error.message}${rightsOf(error)}`),
        onPush: (message) => this.#take(message),
        onTrouble: (error) => this.#warn(String(error)),
      },
    })
    this.#absence = clock.after(ABSENT_AFTER_MS, () => {
      if (this.#connection.ready) return
      const reason = this.#connection.lastError?.message ?? 'no answer'
      this.#warn(`not reached yet, L1 is not used without it: ${reason}`)
    })
  }

  get lastError(): Error | undefined {
    return this.#connection.lastError
  }

  async publish(frame: Uint8Array, by: number): Promise<void> {
    try {
      await this.#connection.send(encodeCommand(['PUBLISH', this.#channel, frame]), { by })
    } catch (error) {
      if (!(error instanceof RedisReplyError)) throw error
      this.#warn(`${error.message}${rightsOf(error)}`)
      throw new CacheError('bus_unavailable', error.message, { retryable: error.retryable, cause: error })
    }
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#absence.cancel()
    this.#checking?.cancel()
    return this.#connection.close()
  }

  async #prepare(link: HandshakeLink<RespValue>): Promise<void> {
    const { credentials, db } = this.#target
    const ask = (...args: RespArgument[]): Promise<RespValue> =>
      link.send(encodeCommand(args), { by: link.by })
    this.#time.restart()
    const facts = await shakeHands(
      link,
      { credentials, db, clientName: 'holdfast-bus', tracking: 'off' },
      this.#time,
    )
    this.#judge(facts)
    await ask('SUBSCRIBE', this.#channel).catch((error: unknown) => {
      throw error instanceof RedisReplyError && !error.retryable ? new HandshakeRefused(error) : error
    })
  }

  /** A replica would take what is published, and tell nobody but its own subscribers. */
  #judge(facts: ServerFacts): void {
    const verdict = this.#nodes.judge(facts)
    if (verdict.state === 'use') return
    this.#warn(verdict.why)
    throw verdict.state === 'go_on' ? new HandshakeRedirected(verdict.why) : new Error(verdict.why)
  }

  #becomeReady(): void {
    this.#absence.cancel()
    this.#warned.clear()
    this.#checkRegularly()
    this.#listener.connected()
  }

  #lose(error: Error): void {
    this.#checking?.cancel()
    if (this.#isClosed) return
    if (!(error instanceof HandshakeRefused)) {
      this.#warn(`is lost (${error.message}); L1 is not used until it is back`, ' ')
    }
    this.#listener.lost()
  }

  /** A demoted server is left. HELLO is free to every user. */
  #checkRegularly(): void {
    const { clock, heartbeatMs } = this.#environment
    this.#checking = clock.after(heartbeatMs, () => {
      this.#checkRegularly()
      const tap = (reply: RespValue): void => {
        const role = reply instanceof Map ? reply.get('role') : undefined
        if (role !== undefined && String(role) !== 'master') {
          this.#connection.reconnect(new Error('the server is no primary any more'))
        }
      }
      this.#connection
        .send(encodeCommand(['HELLO']), { by: clock.now() + 3 * heartbeatMs, tap })
        .catch(ignore)
    })
  }

  #take(message: RespValue): void {
    if (this.#isClosed || !Array.isArray(message)) return
    const [kind, , payload] = message
    if (!Buffer.isBuffer(kind) || !kind.equals(MESSAGE)) return
    if (payload instanceof RespOverlong) this.#listener.dropped()
    else if (Buffer.isBuffer(payload)) this.#listener.received(payload)
  }

  /** Each line once until a connection is ready. */
  #warn(text: string, separator = ': '): void {
    if (this.#isClosed || this.#warned.has(text) || this.#warned.size >= WARNINGS_MAX) return
    this.#warned.add(text)
    this.#environment.log('warn', `bus ${this.address}${separator}${text}`)
  }
}

function unavailable(cause: WireError): CacheError {
  const retryable = cause.code !== 'closed'
  return new CacheError(retryable ? 'bus_unavailable' : 'closed', cause.message, { retryable, cause })
}

function rightsOf(error: unknown): string {
  return error instanceof RedisReplyError && error.prefix === 'NOPERM' ? NEEDED_RIGHTS : ''
}

/** A server that does not answer is told of by the beats that do not come back. */
function ignore(): void {}
