import type { Connect, ConnectionLimits, Receiver, SendOptions } from '@holdfast/wire'
import type { Clock } from 'holdfast/contracts'
import type { MemcachedAddress } from '../url.ts'
import type { MetaCommand } from './meta-command.ts'
import type { MetaReply } from './meta-reply.ts'
import type { MemcachedFacts } from './server-facts.ts'

/*
 * NOT THERE YET: everything but this face. Methods throw. What is declared here stays; the rest of this folder grows
 * behind it.
 */

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

/** `by`, `sent` and `urgent` as in wire. */
export type MetaOptions = Pick<SendOptions<MetaReply>, 'by' | 'sent' | 'urgent'>

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

/** Whoever waits for a quiet batch. Called synchronously in wire order; nothing may throw. */
export interface BatchReceiver {
  /** Whether `reply` is done with the reply and its value when it returns: they are lent then. */
  readonly borrows?: boolean
  /** A reply to the command at `index`, in rising order. */
  reply(index: number, reply: MetaReply): void
  /** All that had anything to say have said it. */
  done(): void
  /** In place of `done`: the rest will not be answered. */
  fail(error: unknown): void
}

/** One connection to one Memcached server, kept up. */
export declare class MemcachedClient implements MemcachedCommands {
  /** Starts connecting at once. */
  constructor(options: MemcachedClientOptions)

  get ready(): boolean
  /** Names the connection in use; rises with each one. What a lease is bound to. */
  get generation(): number
  /** Of the last server that was reached. */
  get facts(): MemcachedFacts | undefined
  /** Why the last connection or attempt ended. */
  get lastError(): Error | undefined
  /** Milliseconds since 1970 by this machine's clock, kept within what the server's own says (whole seconds). */
  serverNow(): number

  send(command: MetaCommand, options: MetaOptions): Promise<MetaReply>
  sendAll(commands: readonly MetaCommand[], options: MetaOptions): Promise<readonly MetaReply[]>
  /** `send` for a receiver in place of a promise: it is answered in wire order, and told of every failure. */
  post(command: MetaCommand, options: MetaOptions, receiver: Receiver<MetaReply>): void
  /**
   * A quiet batch, closed by `mn`: what has nothing to say (a miss of mg, the done of ms and md) sends nothing. All of it
   * is one write, in this order, and takes one place of those in flight.
   */
  postQuiet(commands: readonly MetaCommand[], options: MetaOptions, receiver: BatchReceiver): void
  /** The fields of `stats`, or of one of its sections, e.g. `settings`. */
  stats(section: '' | 'settings' | 'slabs' | 'items', by: number): Promise<ReadonlyMap<string, string>>

  /** Gives up the present connection and opens another. */
  reconnect(reason: Error): void
  /** Rejects what is in flight, and resolves when the socket is closed. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
