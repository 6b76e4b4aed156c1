import type { LoadFlight } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { LoadJob } from './load-job.ts'

/** Where a loader runs, until it is left. */
export interface Place {
  leave(): void
}

const NO_PLACE: Place = { leave: () => undefined }

/** A place if one is free, or none is needed; undefined: others have them all. */
export function takeFreePlace(rt: Runtime, flight: LoadFlight, job: LoadJob): Place | undefined {
  if (needsNone(flight, job)) return NO_PLACE
  return rt.shared.places.takeFree() ? rt.shared.places : undefined
}

/** A place, in turn. Rejects `overloaded`, or with the reason for which the flight ended. */
export async function takePlace(rt: Runtime, flight: LoadFlight, job: LoadJob): Promise<Place> {
  if (needsNone(flight, job)) return NO_PLACE
  const { places } = rt.shared
  const turn = places.take(flight.controller.signal, job.policy.hardTimeoutMs, (letIn) => {
    flight.letIn = letIn
  })
  if (turn !== undefined) await turn
  flight.letIn = undefined
  return places
}

/** Its loader stands on another's place, or one who has a place waits for it. */
function needsNone(flight: LoadFlight, job: LoadJob): boolean {
  return job.placed === true || flight.urgent
}
