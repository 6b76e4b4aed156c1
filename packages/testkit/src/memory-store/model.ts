import type { CacheError, StoreEnvironment } from 'holdfast/contracts'

/** What the model's server can be asked; also the names under which `stats` counts. */
export type MemoryOperation =
  | 'read'
  | 'tokens'
  | 'acquire'
  | 'renew'
  | 'fill'
  | 'release'
  | 'invalidate'
  | 'invalidateTags'
  | 'expire'
  | 'expireTags'
  | 'clear'
  | 'put'
  | 'quarantine'
  | 'unquarantine'
  | 'barrier'
  | 'inspect'
  | 'heartbeat'

export type NameKind =
  | 'value'
  | 'lease'
  | 'tag'
  | 'namespace'
  | 'epoch'
  | 'marker'
  | 'keyQuarantine'
  | 'tagQuarantine'

/** One name on a server. `name` is the key or the tag; it is empty for the names a namespace has once. */
export interface ServerName {
  readonly kind: NameKind
  readonly namespace: string
  readonly name: string
}

/** A reply or a push on its way to a client; calling it delivers it. */
export type Message = () => void

/** The server's end of one connection, from connect to disconnect. Leases are bound to it (rule C). */
export interface Session {
  readonly tracking: StoreEnvironment['tracking']
  /** False once the connection is gone: nothing reaches it any more. */
  readonly open: boolean
  receive(message: Message): void
  /** The push of one changed name, or of everything. */
  pushOf(name: ServerName | 'everything'): Message
}

/** One command as it reaches the server. */
export interface Arrival {
  readonly operation: MemoryOperation
  readonly session: Session
  /** Executes the command; the message carries its reply. */
  perform(): Message
  refuse(error: CacheError): Message
}

/** What a test can do to one client's connection. */
export interface MemoryConnection {
  readonly online: boolean
  /** Counts the connects, from 1. */
  readonly generation: number
  /** Messages that wait to be delivered. */
  readonly waiting: number
  /** Delay of every reply and push from now on; their order stays. Default 0: the next turn. */
  latencyMs: number
  /** Keeps replies and pushes back, in order. The server goes on executing commands. */
  hold(): void
  /** Delivers what was held, or its first `messagesMax`, synchronously in one turn; without a number, ends the hold. */
  release(messagesMax?: number): void
  /** Cuts the connection: what is in flight is lost with an unknown outcome. It stays cut until `reconnect`. */
  disconnect(): void
  /** Connects again as a new generation, if the server is up. */
  reconnect(): void
}

/** What the server needs of its clients to stop, start and restart. */
export interface Peer extends MemoryConnection {
  /** The server went away or came back. */
  serverStopped(): void
  serverStarted(): void
}
