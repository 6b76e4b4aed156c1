import type { Clock, Token } from 'holdfast/contracts'
import type { MemcachedClient } from '../client/memcached-client.ts'

/*
 * A cas of this process' own choosing (`E`, 1.6.27 or newer): a 1, 10 digits of 32 random bits, and 9 random digits. A server
 * that counts does not get to 20 digits. It is known before the server answers, and names nothing else on whatever
 * connection and whatever was restarted; servers without `E` count, and count anew when they are restarted. What it is used
 * for: docs/wire/memcached.md.
 */

const DIGITS = 20
const LOW_DIGITS = 9
const LOW = 10 ** LOW_DIGITS

interface Choosing {
  readonly client: Pick<MemcachedClient, 'facts'>
  readonly clock: Pick<Clock, 'token'>
  readonly rules: { choosesCas(hasExplicitCas: boolean): boolean }
}

/** A fresh cas for the item that a command makes; undefined: the server counts. */
export function explicitCas({ client, clock, rules }: Choosing): string | undefined {
  if (!rules.choosesCas(client.facts?.hasExplicitCas === true)) return undefined
  const random = clock.token()
  // In decimal at once: a read chooses several, and BigInt takes much longer.
  const high = wordAt(random, 0)
    .toString()
    .padStart(DIGITS - 1 - LOW_DIGITS, '0')
  return `1${high}${(wordAt(random, 4) % LOW).toString().padStart(LOW_DIGITS, '0')}`
}

/** What says so behind other flags. */
export function casFlag(cas: string | undefined): string {
  return cas === undefined ? '' : ` E${cas}`
}

/** Whether somebody has chosen it. */
export function isExplicitCas(cas: string): boolean {
  return cas.length === DIGITS
}

/** Whether a cas that was read on one connection names the same item on another one. */
export function countsOn(cas: string, readOn: number, generation: number): boolean {
  return readOn === generation || isExplicitCas(cas)
}

/** The 8 bytes that an item without a value is the token by: no two such cas share them. */
export function explicitCasToken(cas: string): Token {
  return wordOf(Number(cas.slice(1, -LOW_DIGITS))) + wordOf(Number(cas.slice(-LOW_DIGITS)))
}

function wordAt(token: Token, at: number): number {
  const high = (token.charCodeAt(at) << 8) | token.charCodeAt(at + 1)
  return high * 0x1_00_00 + ((token.charCodeAt(at + 2) << 8) | token.charCodeAt(at + 3))
}

function wordOf(word: number): string {
  return String.fromCharCode(word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff)
}
