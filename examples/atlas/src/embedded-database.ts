import { startChild } from './child.ts'
import type { Lifetime } from './lifetime.ts'

/** What the database process tells when it listens. */
export interface EmbeddedDatabase {
  readonly url: string
  /** Number of the data folder; above 1, other copies of atlas hold the ones before. */
  readonly slot: number
}

/**
 * Starts PostgreSQL in a process of its own with its data under `folder`. The first time it is made and filled, which
 * keeps one core busy for seconds, and `onFilling` is called; afterwards it is only opened.
 */
export async function startEmbeddedDatabase(
  folder: string,
  onFilling: () => void,
  lifetime: Lifetime,
): Promise<EmbeddedDatabase> {
  const options = { args: [folder], onTold: onFilling }
  const child = startChild<EmbeddedDatabase, 'filling'>('./database-process.ts', options)
  lifetime.own('the database process', () => child.end())
  const database = await child.ready
  child.ended.then(() => lifetime.break('the database process ended by itself'))
  return database
}
