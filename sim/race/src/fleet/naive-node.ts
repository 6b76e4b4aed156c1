import type { Outside, State } from './outside.ts'
import { RACE_CHANGES, type Race, type RaceNode, type Seen } from './race-node.ts'

const TTL_S = '3600'

interface Running {
  readonly answer: Promise<State>
  release(): void
}

/**
 * A node that caches in Redis by hand, as tutorials teach it: GET, load, SETEX; DEL after a write; a tag is a set of keys.
 * The races must catch it: else they could not catch Holdfast either.
 */
export class NaiveNode implements RaceNode {
  readonly #outside: Outside
  readonly #running = new Map<string, Running>()

  constructor(outside: Outside) {
    this.#outside = outside
  }

  async prepare(): Promise<void> {}

  async seed({ id }: Race): Promise<void> {
    await this.#outside.command('SETEX', id, TTL_S, 'old')
  }

  async begin(race: Race): Promise<void> {
    const began = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const loader = async (): Promise<State> => {
      const state = await this.#outside.read(race.id)
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
    await this.#outside.commitNew(id)
    if (change === 'set') await this.#outside.command('SETEX', id, TTL_S, 'new')
    else if (RACE_CHANGES[change] !== 'untagged') await this.#invalidateTag(id)
    else await this.#outside.command('DEL', id)
  }

  read(race: Race): Promise<Seen> {
    return this.#getOrSet(race, () => this.#outside.read(race.id))
  }

  async peek({ id }: Race): Promise<Seen> {
    return stateOf(await this.#outside.command('GET', id)) ?? 'absent'
  }

  async barrier(): Promise<void> {}

  async close(): Promise<void> {}

  async #getOrSet({ id, change }: Race, loader: () => Promise<State>): Promise<State> {
    const cached = stateOf(await this.#outside.command('GET', id))
    if (cached !== undefined) return cached
    const state = await loader()
    await this.#outside.command('SETEX', id, TTL_S, state)
    if (RACE_CHANGES[change] !== 'untagged') await this.#outside.command('SADD', `tag:${id}`, id)
    return state
  }

  async #invalidateTag(id: string): Promise<void> {
    const members = await this.#outside.command('SMEMBERS', `tag:${id}`)
    if (Array.isArray(members) && members.length > 0)
      await this.#outside.command('DEL', ...members.map(String))
    await this.#outside.command('DEL', `tag:${id}`)
  }
}

function stateOf(reply: unknown): State | undefined {
  return reply === 'old' || reply === 'new' ? reply : undefined
}
