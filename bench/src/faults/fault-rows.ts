import type { FaultRow } from './fault-row.ts'
import { herd, holderKilled } from './rows/fleet.ts'
import { coldWhileKilled, floodWhileKilled, hitsWhileKilled } from './rows/killed.ts'
import { failSafe, loaderHangs, loaderThrows } from './rows/loaders.ts'
import { resetInReply, sliced, slow } from './rows/network.ts'
import { deletedElsewhere, deletedHere } from './rows/races.ts'
import { backEmpty, backWithData, downAtBoot } from './rows/returned.ts'
import { frozen, vanished } from './rows/silent.ts'
import { full, garbled } from './rows/unfit-data.ts'
import { unheardDelete } from './rows/unheard.ts'

/** Every fault, in the order of the matrix. */
export const faultRows: readonly FaultRow[] = [
  hitsWhileKilled,
  coldWhileKilled,
  floodWhileKilled,
  backEmpty,
  backWithData,
  downAtBoot,
  frozen,
  slow,
  resetInReply,
  vanished,
  sliced,
  unheardDelete,
  full,
  garbled,
  loaderThrows,
  loaderHangs,
  failSafe,
  deletedHere,
  deletedElsewhere,
  holderKilled,
  herd,
]
