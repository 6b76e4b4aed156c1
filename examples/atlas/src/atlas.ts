import type { Cache } from 'holdfast'
import type { City } from './city.ts'
import type { Database } from './database.ts'

/** The city guide: what it knows, whoever asks. Every read goes through the cache, every write through its fence. */
export class Atlas {
  readonly #cache: Cache
  readonly #database: Database

  constructor(cache: Cache, database: Database) {
    this.#cache = cache
    this.#database = database
  }

  /** Null where there is no such city, which is remembered too (for negativeTtl). */
  city(id: number): Promise<City | null> {
    return this.#cache.getOrSet<City | null>(cityKey(id), async () => (await this.#database.city(id)) ?? null)
  }

  /** The largest cities of a country; null where the country has none. Cached as one list per limit. */
  countryCities(country: string, limit: number): Promise<readonly City[] | null> {
    return this.#cache.getOrSet<readonly City[] | null>(
      ['cities-of', country, limit],
      async () => {
        const cities = await this.#database.countryCities(country, limit)
        return cities.length === 0 ? null : cities
      },
      { tags: [countryTag(country)] },
    )
  }

  /**
   * Writes a population. Once it resolves, a read of the city or of its country's lists on this node is given the new
   * one; on another node that shares the cache, after MAX_STALE_MS at the latest. Rejects, and writes nothing, where
   * the shared tier is away.
   */
  async setPopulation(id: number, population: number): Promise<City | null> {
    const city = await this.city(id)
    if (city === null) return null
    const names = { keys: [cityKey(id)], tags: [countryTag(city.country)] }
    const written = await this.#cache.write(names, () => this.#database.setPopulation(id, population))
    return written.value ?? null
  }
}

function cityKey(id: number): string {
  return `city:${id}`
}

function countryTag(country: string): string {
  return `country:${country}`
}
