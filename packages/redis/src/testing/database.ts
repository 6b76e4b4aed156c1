import { until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { RedisClient } from '../client.ts'
import type { RespArgument } from '../resp-encode.ts'
import { parseRedisUrl } from '../url.ts'

const ANSWER_MS_MAX = 10_000

/** What the processes of a test share: counters and keys in the test's own Redis, read past every cache. */
export class Database {
  readonly #client: RedisClient

  constructor(url: string) {
    const address = parseRedisUrl(url)
    this.#client = new RedisClient({ address, clock: systemClock, tracking: 'off', heartbeatMs: 10_000 })
  }

  async connected(): Promise<void> {
    await until('the database is up', () => this.#client.ready)
  }

  /** Counts one load of an id; answers how many there have been in the whole fleet. */
  async countLoad(id: string): Promise<number> {
    return Number(await this.command('INCR', `loads:${id}`))
  }

  /** One command. Bulk strings come as text. */
  async command(...args: readonly RespArgument[]): Promise<unknown> {
    const reply = await this.#client.command(args, { by: systemClock.now() + ANSWER_MS_MAX })
    return Buffer.isBuffer(reply) ? reply.toString() : reply
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
