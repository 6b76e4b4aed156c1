import type { Flight } from '../guard/single-flight.ts'
import type { CachedValue } from './cached-value.ts'
import type { Found } from './found.ts'

/**
 * How a flight ended. `sharedUpTo` is the last call (by Runtime.mark) that may take it: rules J and L.
 */
export type LoadOutcome =
  | { readonly kind: 'value'; readonly entry: CachedValue; readonly sharedUpTo: number }
  /** The loader answered undefined, which means: do not cache. */
  | { readonly kind: 'nothing'; readonly sharedUpTo: number }
  | { readonly kind: 'error'; readonly error: unknown; readonly sharedUpTo: number }
  /** Another process loads; nobody waits here (background refresh), or a reservation was given back. */
  | { readonly kind: 'left'; readonly sharedUpTo: number }

/** A load under way. */
export type LoadFlight = Flight<LoadOutcome, Found>
