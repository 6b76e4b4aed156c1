import { CacheError, show } from 'holdfast/contracts'
import { RespError, type RespValue } from './resp-value.ts'

// Conditions of the server that pass without a change of the command.
const PASSING = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'OOM',
  'READONLY',
  'TRYAGAIN',
])

/** The server answered a command with an error: `l2_error`, with the first word of its answer. */
export class RedisReplyError extends CacheError {
  /** Such as `NOSCRIPT`, `OOM` or `WRONGPASS`. */
  readonly prefix: string

  constructor(prefix: string, message: string) {
    super('l2_error', message, { tier: 'l2', retryable: PASSING.has(prefix) })
    this.prefix = prefix
  }
}

/** The error that a reply rejects its command with, if it is one. */
export function replyError(reply: RespValue): RedisReplyError | undefined {
  if (!(reply instanceof RespError)) return undefined
  return new RedisReplyError(reply.prefix, `the server answered ${show(reply.message)}`)
}
