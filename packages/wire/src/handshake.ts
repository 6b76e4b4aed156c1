import type { Command, SendOptions } from './command.ts'

/** A connected socket that is not ready yet, as the handshake sees it. */
export interface HandshakeLink<Message> {
  readonly generation: number
  /** The moment by which the handshake must be done. */
  readonly by: number
  send(command: Command, options: SendOptions<Message>): Promise<Message>
}

/** Runs on each new socket. Ready when it resolves; tried again, after the backoff, when it rejects. */
export type Handshake<Message> = (link: HandshakeLink<Message>) => Promise<void>

/** What a handshake throws when trying again will hardly help: a wrong password, an unsupported server. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
  override readonly cause: Error

  constructor(cause: Error) {
    super(cause.message)
    this.cause = cause
  }
}

/** What a handshake throws where this node only knows a better one: the owner's next endpoint is tried at once. */
export class HandshakeRedirected extends Error {
  override readonly name = 'HandshakeRedirected'
}
