import type { HistoryRecorder, NewEvent } from '@holdfast/testkit'
import type { Cache, Invalidated } from 'holdfast'
import { CacheError } from 'holdfast'
import type { Database } from './database.ts'
import type { Dice } from './dice.ts'
import type { Workload } from './workload.ts'

const EVERY_WRITE = [
  ['delete', 40],
  ['deleteMany', 8],
  ['tag', 20],
  ['write', 12],
  ['set', 8],
  ['expire', 5],
  ['expireTag', 5],
  ['clear', 2],
] as const

/** What an invalidation names, as the history keeps it. */
type Names = Pick<NewEvent & { kind: 'invalidate' }, 'keys' | 'tags' | 'everything' | 'soft'>

/** The writes of one node: the database commits, then the cache is told, and both are recorded. */
export class Writes {
  readonly #cache: Cache
  readonly #database: Database
  readonly #recorder: HistoryRecorder
  readonly #workload: Workload
  readonly #dice: Dice

  constructor(
    cache: Cache,
    parts: { database: Database; recorder: HistoryRecorder; workload: Workload; dice: Dice },
  ) {
    this.#cache = cache
    this.#database = parts.database
    this.#recorder = parts.recorder
    this.#workload = parts.workload
    this.#dice = parts.dice
  }

  /** One write of a kind and of keys that chance chooses; resolves when its invalidation is acknowledged. */
  async any(): Promise<void> {
    const key = this.#dice.upTo(this.#workload.keys - 1)
    switch (this.#kind()) {
      case 'delete':
        return await this.key(key)
      case 'deleteMany':
        return await this.#several([key, (key + 1) % this.#workload.keys])
      case 'tag':
        return await this.#tag(key, (tag) => this.#cache.invalidateTag(tag), {})
      case 'expireTag':
        return await this.#tag(key, (tag) => this.#cache.expireTag(tag), { soft: true })
      case 'expire':
        return await this.#expire(key)
      case 'write':
        return await this.#write(key)
      case 'set':
        return await this.set(key)
      case 'clear':
        return await this.#clear()
    }
  }

  /** Commits one key, and deletes it. */
  async key(key: number): Promise<void> {
    this.#commit(key)
    const name = this.#database.name(key)
    await this.#invalidate({ keys: [name] }, () => this.#cache.delete(name))
  }

  /** Commits one key, and sets it. */
  async set(key: number): Promise<void> {
    const version = this.#commit(key)
    const name = this.#database.name(key)
    const tags = this.#database.tags(key, version)
    const startMs = this.#recorder.now()
    const { l2 } = await this.#cache.set(name, { key: name, version, tags }, { tags })
    const result = l2 === 'applied' ? 'stored' : 'unknown'
    this.#recorder.add({
      kind: 'set',
      key: name,
      version,
      tags,
      startMs,
      endMs: this.#recorder.now(),
      result,
    })
  }

  #kind(): (typeof EVERY_WRITE)[number][0] {
    if (this.#workload.calls === 'everything') return this.#dice.weighted(EVERY_WRITE)
    return this.#workload.tags === 'none' ? 'delete' : 'tag'
  }

  async #several(keys: readonly number[]): Promise<void> {
    for (const key of keys) this.#commit(key)
    const names = keys.map((key) => this.#database.name(key))
    await this.#invalidate({ keys: names }, () => this.#cache.deleteMany(names))
  }

  /** By the tag that a key shares: all sharers change. By its own: it alone, and the tag is the one it had before. */
  async #tag(
    key: number,
    tell: (tag: string) => Promise<Invalidated>,
    names: { readonly soft?: true },
  ): Promise<void> {
    const isShared = this.#dice.chance(0.3)
    const [shared, own] = this.#database.read(key).tags
    const tag = isShared ? shared : own
    if (tag === undefined) return await this.key(key)
    for (const one of isShared ? this.#database.sharers(key) : [key]) this.#commit(one)
    await this.#invalidate({ tags: [tag], ...names }, () => tell(tag))
  }

  async #expire(key: number): Promise<void> {
    this.#commit(key)
    const name = this.#database.name(key)
    await this.#invalidate({ keys: [name], soft: true }, () => this.#cache.expire(name))
  }

  async #clear(): Promise<void> {
    for (const key of this.#database.keys) this.#commit(key)
    await this.#invalidate({ everything: true }, () => this.#cache.clear())
  }

  /** MUTATE: quarantined before the commit. Where L2 did not answer nothing was committed. */
  async #write(key: number): Promise<void> {
    const name = this.#database.name(key)
    const [tag] = this.#dice.chance(0.5) ? this.#database.read(key).tags : []
    const names = { keys: [name], ...(tag === undefined ? {} : { tags: [tag] }) }
    let startMs = 0
    const commit = () => {
      for (const one of tag === undefined ? [key] : this.#database.sharers(key)) this.#commit(one)
      startMs = this.#recorder.now()
    }
    try {
      const { l2 } = await this.#cache.write(names, commit)
      this.#recorder.add({ kind: 'invalidate', ...names, startMs, endMs: this.#recorder.now(), result: l2 })
    } catch (error) {
      if (!(error instanceof CacheError) || !error.retryable) throw error
    }
  }

  #commit(key: number): number {
    const startMs = this.#recorder.now()
    const version = this.#database.commit(key)
    const endMs = this.#recorder.now()
    this.#recorder.add({ kind: 'commit', key: this.#database.name(key), version, startMs, endMs })
    return version
  }

  async #invalidate(names: Names, tell: () => Promise<Invalidated>): Promise<void> {
    const startMs = this.#recorder.now()
    const { l2 } = await tell()
    this.#recorder.add({ kind: 'invalidate', ...names, startMs, endMs: this.#recorder.now(), result: l2 })
  }
}
