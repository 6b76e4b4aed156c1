import type { Credentials } from '@holdfast/wire'
import { CacheError, show } from 'holdfast/contracts'
import type { MetaReply } from './meta-reply.ts'

/** How a server says that something is wrong. */
export type ReplyErrorKind = 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR'

/**
 * The server answered a command with an error; it was not executed then, except that a value which it has no room for
 * takes the old one of its key along. ERROR and CLIENT_ERROR end the connection.
 */
export class MemcachedReplyError extends CacheError {
  readonly kind: ReplyErrorKind
  /** The server has no room for what it was sent. */
  readonly refusesWrites: boolean

  constructor(kind: ReplyErrorKind, text: string) {
    const refusesWrites = kind === 'SERVER_ERROR' && /out of memory/i.test(text)
    super('l2_error', `the server answered ${kind} ${show(text)}`, { tier: 'l2', retryable: refusesWrites })
    this.kind = kind
    this.refusesWrites = refusesWrites
  }
}

/** The error that a reply rejects its command with, if it is one: in the server's words, without these credentials. */
export function replyError(
  { code, text }: MetaReply,
  credentials: Credentials | undefined,
): MemcachedReplyError | undefined {
  if (code !== 'ERROR' && code !== 'CLIENT_ERROR' && code !== 'SERVER_ERROR') return undefined
  return new MemcachedReplyError(code, credentials?.scrub(text) ?? text)
}
