import { redisBus } from '@holdfast/redis'
import type { L1Options } from 'holdfast'
import type { TierPlace } from './shared-tier.ts'
import type { Workload } from './workload.ts'

/** L1 in a mode, with the bus of the place where the mode needs one. */
export function openL1(mode: Workload['l1'], maxStale: number, place: TierPlace): L1Options | false {
  if (mode === 'off') return false
  if (mode !== 'bus') return { mode, maxStale }
  const busUrl = place.store === 'memcached' ? place.busUrl : undefined
  if (busUrl === undefined) throw new TypeError('there is no bus here')
  return { mode, bus: redisBus(busUrl), maxStale }
}
