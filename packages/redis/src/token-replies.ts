import type { Tokens } from 'holdfast/contracts'
import type { RespValue } from './resp-value.ts'

/** No token was asked for. */
export const NO_TOKENS: Tokens = { namespace: undefined, epoch: undefined, tags: new Map() }

/** Tokens from replies in this order: namespace and epoch, if they were asked for, then the tags. */
export function tokensOf(replies: readonly RespValue[], tags: readonly string[], namespace: boolean): Tokens {
  const first = namespace ? 2 : 0
  const found = new Map<string, string>()
  tags.forEach((tag, i) => {
    const token = tokenOf(replies[first + i])
    if (token !== undefined) found.set(tag, token)
  })
  return namespace
    ? { namespace: tokenOf(replies[0]), epoch: tokenOf(replies[1]), tags: found }
    : { namespace: undefined, epoch: undefined, tags: found }
}

/** A token is 8 or 16 bytes; anything else someone else wrote, and it matches nothing. */
export function tokenOf(reply: RespValue | undefined): string | undefined {
  return Buffer.isBuffer(reply) && (reply.length === 8 || reply.length === 16)
    ? reply.toString('latin1')
    : undefined
}
