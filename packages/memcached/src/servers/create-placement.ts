import { ketama, ketamaUnweighted } from './ketama.ts'
import type { ListedServer, Placement, PlacementName } from './placement.ts'
import { rendezvous } from './rendezvous.ts'

const PLACEMENTS: Readonly<Record<PlacementName, (servers: readonly ListedServer[]) => Placement>> = {
  ketama,
  'ketama-unweighted': ketamaUnweighted,
  rendezvous,
}

/** The placement of this name over these servers, of which there is at least one. */
export function createPlacement(name: PlacementName, servers: readonly ListedServer[]): Placement {
  return PLACEMENTS[name](servers)
}
