import type { City } from './city.ts'
import type { PlainRedis } from './plain-redis.ts'

/**
 * Cache-aside as the article writes it, line by line, with a city for its user. Its two known faults are left as
 * they are: all callers who miss at once load at once, and a load that began before a write may fill after it.
 */
export class CacheAside {
  readonly #redis: PlainRedis
  readonly #find: (id: number) => Promise<City | undefined>
  readonly #ttlSeconds: number

  constructor(redis: PlainRedis, find: (id: number) => Promise<City | undefined>, ttlSeconds = 3600) {
    this.#redis = redis
    this.#find = find
    this.#ttlSeconds = ttlSeconds
  }

  async getCity(id: number): Promise<City> {
    // 1. Check cache
    const cached = await this.#redis.get(byHandKey(id))
    if (cached) return JSON.parse(cached)

    // 2. Cache miss → fetch from DB
    const city = await this.#find(id)
    if (!city) throw new Error('City not found')

    // 3. Populate cache
    await this.#redis.setex(byHandKey(id), this.#ttlSeconds, JSON.stringify(city))

    return city
  }

  /** The second half of the article's update: what it does after the database has committed. */
  async invalidate(id: number): Promise<void> {
    await this.#redis.del(byHandKey(id))
  }
}

function byHandKey(id: number): string {
  return `atlas-by-hand:city:${id}`
}
