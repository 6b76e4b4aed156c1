import type { Credentials } from '@holdfast/wire'
import { CacheError, type CacheErrorCode, show } from 'holdfast/contracts'
import { RespError, type RespValue } from './resp-value.ts'

// The server is there, and serves nothing: as good as away. None of them has executed the command.
const AWAY = new Set([
  'BUSY', // a script of someone's runs for too long
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN', // a replica that has lost its primary
  'NOAUTH', // this connection is not, or no longer, authenticated
  'READONLY', // a replica
  'TRYAGAIN', // a slot is being moved
])
// What a first word looks like where it is one of these.
const CODE = /^[A-Z][A-Z0-9_]{0,31}$/
// It refuses what writes, and goes on answering what reads.
const REFUSING = new Set(['MISCONF', 'NOREPLICAS', 'OOM'])

/**
 * The server answered a command with an error, which is known not to have been executed then. Its code is
 * `l2_unavailable` where the server is as good as away, else `l2_error`.
 */
export class RedisReplyError extends CacheError {
  /** The first word of the answer, such as `NOSCRIPT`, `OOM` or `WRONGPASS`; `ERR` where it is no such code. */
  readonly prefix: string
  /** The server refuses what writes, for now, and goes on answering what reads. */
  readonly refusesWrites: boolean

  constructor(prefix: string, message: string) {
    const isAway = AWAY.has(prefix)
    const refusesWrites = REFUSING.has(prefix)
    const code: CacheErrorCode = isAway ? 'l2_unavailable' : 'l2_error'
    super(code, message, { tier: 'l2', retryable: isAway || refusesWrites })
    this.prefix = prefix
    this.refusesWrites = refusesWrites
  }
}

/** The error that a reply rejects its command with, if it is one: in the server's words, without these credentials. */
export function replyError(
  reply: RespValue,
  credentials: Credentials | undefined,
): RedisReplyError | undefined {
  if (!(reply instanceof RespError)) return undefined
  const words = (text: string): string => credentials?.scrub(text) ?? text
  const prefix = CODE.test(reply.prefix) ? words(reply.prefix) : 'ERR'
  return new RedisReplyError(prefix, `the server answered ${show(words(reply.message))}`)
}
