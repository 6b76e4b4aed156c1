import { type MetaCommand, md, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { Place } from './place.ts'

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
export function offer(value: MetaKey, cas: string): MetaCommand {
  return md(value, `I C${cas}`)
}

/**
 * What gives a lease back. A stub is removed. A value is put as it was before it was offered, by nothing that is
 * appended: were it offered again, the next one who only looks would win it, and so on for as long as it lives. A server
 * that may not evict (-M) might have no room for that, and would drop the value: there it is offered again.
 */
export function givingBack(
  { client, names }: Place,
  { key, cas, on }: Pick<WonLease, 'key' | 'cas' | 'on'>,
): MetaCommand {
  const value = names.of('v', key)
  if (on === 'stub') return md(value, `C${cas}`)
  return client.facts?.evicts === false ? offer(value, cas) : ms(value, '', `C${cas} MA`)
}

/** Behind everybody's back: a lease that nobody will use is in the way of those who would. */
export function giveBack(place: Place, won: WonLease): void {
  const { client, clock, timeoutMs } = place
  if (won.generation !== client.generation) return
  client.send(givingBack(place, won), { by: clock.now() + timeoutMs }).catch(ignore)
}

function ignore(): void {}
