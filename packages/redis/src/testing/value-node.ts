import { inspect } from 'node:util'
import { until } from '@holdfast/testkit'
import { type Cache, createCache, type NamedType } from 'holdfast'
import { redis } from '../redis.ts'

/** A class of the application that values may hold once it is registered. */
export class Money {
  readonly cents: bigint

  constructor(cents: bigint) {
    this.cents = cents
  }
}

/** How Money is stored. */
export const money: NamedType<Money> = {
  name: 'Money',
  is: (value): value is Money => value instanceof Money,
  encode: ({ cents }) => cents,
  decode: (cents) => new Money(BigInt(String(cents))),
}

/** A value as text: types, values, holes, references back. Two values with the same text are the same to a program. */
export function portrait(value: unknown): string {
  return inspect(value, {
    depth: Number.POSITIVE_INFINITY,
    maxArrayLength: Number.POSITIVE_INFINITY,
    maxStringLength: Number.POSITIVE_INFINITY,
    breakLength: Number.POSITIVE_INFINITY,
  })
}

/** Opens the cache whose values are looked at; by `l1: false` every read comes from Redis. */
export function openValueCache(url: string, l1?: false): Cache {
  const tiers = l1 === false ? { l1, l2: redis(url) } : { l2: redis(url) }
  return createCache({ name: 'values', types: [money], l2Timeout: '10s', maxValueBytes: '32mb', ...tiers })
}

/** Reads, in another process, what was stored in this one. */
export class ValueNode {
  readonly #cache: Cache

  constructor({ url }: { readonly url: string }) {
    this.#cache = openValueCache(url)
  }

  async prepare(): Promise<void> {
    await until('the shared tier is in use', () => this.#cache.stats().l2.online)
  }

  async portrait(key: string): Promise<string> {
    return portrait(await this.#cache.get(key))
  }

  close(): Promise<unknown> {
    return this.#cache.close()
  }
}
