import { WireError } from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'
import { type MetaCommand, md, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import { casFlag, countsOn, explicitCas, isExplicitCas } from './explicit-cas.ts'
import type { Place } from './place.ts'

// Until a connection that was lost is there again; doubled each time.
const AGAIN_MS_MIN = 50
const AGAIN_MS_MAX = 800

/** A lease as it was won. */
export interface WonLease {
  readonly key: string
  /** Of the item that it is: of a stub of its own, or of the value that is to be replaced. */
  readonly cas: string
  readonly on: 'stub' | 'value'
  /** The connection that granted it. */
  readonly generation: number
}

/** What offers a value: the server marks it (X), and the next `mg`, whoever sends it, wins the right to load over it (W). */
export function offer(place: Place, value: MetaKey, cas: string): MetaCommand {
  return md(value, `I C${cas}${casFlag(explicitCas(place))}`)
}

/**
 * What gives a lease back. A stub is removed. A value is put as it was before it was offered, by nothing that is
 * appended: were it offered again, the next one who only looks would win it, and so on for as long as it lives. A server
 * that may not evict (-M) might have no room for that, and would drop the value: there it is offered again.
 */
export function givingBack(
  place: Place,
  { key, cas, on }: Pick<WonLease, 'key' | 'cas' | 'on'>,
): MetaCommand {
  const value = place.names.of('v', key)
  if (on === 'stub') return md(value, `C${cas}`)
  if (place.client.facts?.evicts === false) return offer(place, value, cas)
  return ms(value, '', `C${cas} MA${casFlag(explicitCas(place))}`)
}

/**
 * Behind everybody's back: a lease that nobody will use is in the way of those who would. Where there is no connection, and
 * the cas counts on the next one too, it is tried again for as long as a stub lasts.
 */
export function giveBack(place: Place, won: WonLease, againMs: number = AGAIN_MS_MIN): void {
  const { client, clock, timeoutMs } = place
  if (!countsOn(won.cas, won.generation, client.generation)) return
  client.send(givingBack(place, won), { by: clock.now() + timeoutMs }).catch((error: unknown) => {
    if (againMs <= AGAIN_MS_MAX && isExplicitCas(won.cas) && isUnavailable(error))
      clock.after(againMs, () => giveBack(place, won, 2 * againMs))
  })
}

/** What may have been granted by an answer that was lost with its connection. */
export function giveBackUnheard(place: Place, asked: Omit<WonLease, 'on'>, error: unknown): void {
  const { cause } = error instanceof CacheError ? error : {}
  if (cause instanceof WireError && cause.code === 'lost') giveBack(place, { ...asked, on: 'stub' })
}

function isUnavailable(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'l2_unavailable'
}
