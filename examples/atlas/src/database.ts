import pg from 'pg'
import type { City } from './city.ts'
import { seedCities } from './seed.ts'

const COLUMNS = 'id, name, country, population, lat, lon'

// Longest wait for a connection or an answer before a request is told that the database is away.
const PATIENCE_MS = 5_000

/** The cities in PostgreSQL, through a pool that counts what it is asked. Owns its connections. */
export class Database {
  readonly #pool: pg.Pool
  #queries = 0

  /** Opens nothing until the first query. `connectionsMax` bounds the pool. */
  constructor(url: string, connectionsMax = 8) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
    })
    // An idle connection that breaks is replaced at its next use: nothing to do but to keep the process alive.
    this.#pool.on('error', () => {})
  }

  /** Queries sent since the start; those of `seed` are not counted. */
  get queries(): number {
    return this.#queries
  }

  /** Creates and fills the table where it is absent; says whether it was. */
  async seed(): Promise<boolean> {
    const client = await this.#pool.connect()
    try {
      return await seedCities(client)
    } finally {
      client.release()
    }
  }

  async city(id: number): Promise<City | undefined> {
    return (await this.#query(`select ${COLUMNS} from atlas_cities where id = $1`, [id]))[0]
  }

  /** The cities of one country, the largest first. */
  countryCities(country: string, limit: number): Promise<City[]> {
    const text = `select ${COLUMNS} from atlas_cities where country = $1 order by population desc, id limit $2`
    return this.#query(text, [country, limit])
  }

  /** The cities of the world, the largest first. Reads the whole table. */
  largestCities(limit: number): Promise<City[]> {
    return this.#query(`select ${COLUMNS} from atlas_cities order by population desc, id limit $1`, [limit])
  }

  /** Writes one population and answers the row as it is now; undefined where there is no such city. */
  async setPopulation(id: number, population: number): Promise<City | undefined> {
    const text = `update atlas_cities set population = $2 where id = $1 returning ${COLUMNS}`
    return (await this.#query(text, [id, population]))[0]
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #query(text: string, values: unknown[]): Promise<City[]> {
    this.#queries++
    return (await this.#pool.query<City>(text, values)).rows
  }
}
