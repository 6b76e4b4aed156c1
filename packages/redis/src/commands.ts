import type { SendOptions } from '@holdfast/wire'
import { RedisReplyError } from './reply-error.ts'
import type { RespArgument } from './resp-encode.ts'
import { RespError, type RespValue } from './resp-value.ts'

/** `by`, `sent`, `tap` and `urgent` as in wire. The tap sees error replies too. */
export interface CommandOptions extends Pick<SendOptions<RespValue>, 'by' | 'sent' | 'tap' | 'urgent'> {
  /** What it reads must be pushed when it changes, also where only that is pushed which is asked for. */
  readonly track?: boolean
}

/** A Lua script and its SHA-1 in hexadecimal. */
export interface RedisScript {
  readonly sha: string
  readonly source: string
}

/** Where commands go: a client, or, while it is prepared, a connection that is not ready yet. */
export interface RedisCommands {
  /**
   * One command. Rejects with RedisReplyError for an error reply, `l2_timeout` at its deadline (the outcome is
   * unknown), and `l2_unavailable`, whose cause is a WireError; its code 'lost' says that the outcome is unknown.
   */
  command(args: readonly RespArgument[], options: CommandOptions): Promise<RespValue>
  /**
   * Runs a script by its hash, or, where the server does not know it, once more with its source: later on the
   * wire than what was sent meanwhile. The tap sees the final reply only; `sent` tells of the first attempt.
   */
  script(
    script: RedisScript,
    keys: readonly RespArgument[],
    args: readonly RespArgument[],
    options: CommandOptions,
  ): Promise<RespValue>
}

/** RedisCommands.script by means of RedisCommands.command. */
export function runScript(
  commands: Pick<RedisCommands, 'command'>,
  script: RedisScript,
  keys: readonly RespArgument[],
  args: readonly RespArgument[],
  options: CommandOptions,
): Promise<RespValue> {
  const operands = [keys.length, ...keys, ...args]
  const { tap } = options
  const firstTap = tap && ((reply: RespValue) => (isNoScript(reply) ? undefined : tap(reply)))
  return commands
    .command(['EVALSHA', script.sha, ...operands], { ...options, tap: firstTap })
    .catch((error: unknown) => {
      // The script has not run: to send it again is safe.
      if (!(error instanceof RedisReplyError) || error.prefix !== 'NOSCRIPT') throw error
      return commands.command(['EVAL', script.source, ...operands], options)
    })
}

function isNoScript(reply: RespValue): boolean {
  return reply instanceof RespError && reply.prefix === 'NOSCRIPT'
}
