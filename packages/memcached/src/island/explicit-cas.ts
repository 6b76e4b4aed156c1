import type { Clock, Token } from 'holdfast/contracts'
import type { MemcachedClient } from '../client/memcached-client.ts'

/*
 * A cas of this process' own choosing (`E`, 1.6.27 or newer): 63 random bits behind a highest one that is set, up to which
 * no server counts. It is known before the server answers, and names nothing else on whatever connection and whatever was
 * restarted; servers without `E` count, and count anew when they are restarted. What it is used for: docs/wire/memcached.md.
 */

const HIGHEST_BIT = 2n ** 63n
const HIGHEST_BIT_DIGITS = HIGHEST_BIT.toString()

interface Choosing {
  readonly client: Pick<MemcachedClient, 'facts'>
  readonly clock: Pick<Clock, 'token'>
  readonly rules: { choosesCas(hasExplicitCas: boolean): boolean }
}

/** A fresh cas for the item that a command makes; undefined: the server counts. */
export function explicitCas({ client, clock, rules }: Choosing): string | undefined {
  if (!rules.choosesCas(client.facts?.hasExplicitCas === true)) return undefined
  const random = Buffer.from(clock.token(), 'latin1').readBigUInt64BE()
  return (BigInt.asUintN(63, random) | HIGHEST_BIT).toString()
}

/** What says so behind other flags. */
export function casFlag(cas: string | undefined): string {
  return cas === undefined ? '' : ` E${cas}`
}

/** Whether somebody has chosen it: by the digits that the server writes it in. */
export function isExplicitCas(cas: string): boolean {
  const { length } = HIGHEST_BIT_DIGITS
  return cas.length > length || (cas.length === length && cas >= HIGHEST_BIT_DIGITS)
}

/** Whether a cas that was read on one connection names the same item on another one. */
export function countsOn(cas: string, readOn: number, generation: number): boolean {
  return readOn === generation || isExplicitCas(cas)
}

/** Its 8 bytes: what an item without a value is the token by. */
export function explicitCasToken(cas: string): Token {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(cas))
  return bytes.toString('latin1')
}
