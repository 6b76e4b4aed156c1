/** A city as the service answers it. */
export interface City {
  /** GeoNames id. */
  readonly id: number
  readonly name: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly population: number
  readonly lat: number
  readonly lon: number
}

/** Largest number that the database's integer columns hold. */
export const INTEGER_MAX = 2_147_483_647

/** The city of the curl lines. Traffic never writes it, so that what a visitor writes there stays. */
export const PARIS_ID = 2_988_507

/** El Tarter: small, and the fleet's own, to write on one node and read on the other. Traffic never writes it. */
export const PROBE_ID = 3_039_154
/** What the package says of El Tarter. */
export const PROBE_POPULATION = 1_052
