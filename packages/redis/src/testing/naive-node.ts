import { Database, type State } from './database.ts'
import { RACE_CHANGES, type Race, type RaceNode, type Seen } from './race-node.ts'

const TTL_S = 3600

interface Running {
  readonly answer: Promise<State>
  release(): void
}

/**
 * A node that caches by hand, as tutorials teach it: GET, load, SETEX; DEL after a write; a tag is a set of keys.
 * The races must catch it: else they could not catch Holdfast either.
 */
export class NaiveNode implements RaceNode {
  readonly #redis: Database
  readonly #running = new Map<string, Running>()

  constructor({ url }: { readonly url: string }) {
    this.#redis = new Database(url)
  }

  prepare(): Promise<void> {
    return this.#redis.connected()
  }

  async seed({ id }: Race): Promise<void> {
    await this.#redis.command('SETEX', id, TTL_S, 'old')
  }

  async begin(race: Race): Promise<void> {
    const began = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const loader = async (): Promise<State> => {
      const state = await this.#redis.read(race.id)
      began.resolve()
      await gate.promise
      return state
    }
    this.#running.set(race.id, { answer: this.#getOrSet(race, loader), release: gate.resolve })
    await began.promise
  }

  async finish({ id }: Race): Promise<Seen> {
    const running = this.#running.get(id)
    running?.release()
    return (await running?.answer) ?? 'absent'
  }

  async change({ id, change }: Race): Promise<void> {
    await this.#redis.commitNew(id)
    if (change === 'set') await this.#redis.command('SETEX', id, TTL_S, 'new')
    else if (RACE_CHANGES[change] !== 'untagged') await this.#invalidateTag(id)
    else await this.#redis.command('DEL', id)
  }

  read(race: Race): Promise<Seen> {
    return this.#getOrSet(race, () => this.#redis.read(race.id))
  }

  async peek({ id }: Race): Promise<Seen> {
    return stateOf(await this.#redis.command('GET', id)) ?? 'absent'
  }

  async barrier(): Promise<void> {}

  close(): Promise<void> {
    return this.#redis.close()
  }

  async #getOrSet({ id, change }: Race, loader: () => Promise<State>): Promise<State> {
    const cached = stateOf(await this.#redis.command('GET', id))
    if (cached !== undefined) return cached
    const state = await loader()
    await this.#redis.command('SETEX', id, TTL_S, state)
    if (RACE_CHANGES[change] !== 'untagged') await this.#redis.command('SADD', `tag:${id}`, id)
    return state
  }

  async #invalidateTag(id: string): Promise<void> {
    const members = await this.#redis.command('SMEMBERS', `tag:${id}`)
    if (members instanceof Set && members.size > 0)
      await this.#redis.command('DEL', ...[...members].map(String))
    await this.#redis.command('DEL', `tag:${id}`)
  }
}

function stateOf(reply: unknown): State | undefined {
  return reply === 'old' || reply === 'new' ? reply : undefined
}
