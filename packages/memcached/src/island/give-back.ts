import { WireError } from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'
import { type MetaCommand, md, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import { casFlag, countsOn, explicitCas } from './explicit-cas.ts'
import type { Place } from './place.ts'
import type { WonLease } from './won-lease.ts'

/** What offers a value: the server marks it (X), and the next `mg`, whoever sends it, wins the right to load over it (W). */
export function offer(value: MetaKey, cas: string, chosenCas: string | undefined): MetaCommand {
  return md(value, `I C${cas}${casFlag(chosenCas)}`)
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
  if (place.client.facts?.evicts === false) return offer(value, cas, explicitCas(place))
  return ms(value, '', `C${cas} MA${casFlag(explicitCas(place))}`)
}

/**
 * Behind everybody's back: a lease that nobody will use is in the way of those who would. Where there is no connection, and
 * the cas counts on the next one too, it is done there.
 */
export function giveBack(place: Place, won: WonLease): void {
  const { client, clock, owedLeases, timeoutMs } = place
  if (!countsOn(won.cas, won.generation, client.generation)) return
  if (!client.ready) owedLeases.add(won)
  else {
    client.send(givingBack(place, won), { by: clock.now() + timeoutMs }).catch((error: unknown) => {
      if (error instanceof CacheError && error.code === 'l2_unavailable') owedLeases.add(won)
    })
  }
}

/** What may have been granted by an answer that was lost with its connection. */
export function giveBackUnheard({ owedLeases }: Place, asked: WonLease, error: unknown): void {
  const { cause } = error instanceof CacheError ? error : {}
  // The connection is being ended: nothing can be sent now.
  if (cause instanceof WireError && cause.code === 'lost') owedLeases.add(asked)
}
