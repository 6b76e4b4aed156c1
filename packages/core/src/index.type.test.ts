import { expect, expectTypeOf, test } from 'vitest'
import {
  type Cache,
  type CacheError,
  type CacheErrorDetails,
  type CacheOptions,
  type Clock,
  type CompressionAlgorithm,
  type CompressionOptions,
  createCache,
  type SchemaResult,
  type StandardSchema,
  type StoreDefinition,
  type StoreFacts,
} from './index.ts'

test('what an option, an argument or an answer is made of can be named', () => {
  expectTypeOf<NonNullable<CacheOptions['l2']>>().toEqualTypeOf<StoreDefinition>()
  expectTypeOf<NonNullable<CacheOptions['clock']>>().toEqualTypeOf<Clock>()
  expectTypeOf<NonNullable<CompressionOptions['algorithm']>>().toEqualTypeOf<CompressionAlgorithm>()
  expectTypeOf<Awaited<ReturnType<Cache['inspect']>>>().toEqualTypeOf<StoreFacts | undefined>()
  expectTypeOf<ConstructorParameters<typeof CacheError>[2]>().toEqualTypeOf<CacheErrorDetails | undefined>()
  expectTypeOf<Awaited<ReturnType<StandardSchema<string>['~standard']['validate']>>>().toEqualTypeOf<
    SchemaResult<string>
  >()
})

test('an option that depends on something may be undefined, also where a program is checked for that', async () => {
  const isOn = Date.UTC(1970) !== 0
  const onEvent = isOn ? () => undefined : undefined
  const logger = isOn ? console : undefined
  const options: CacheOptions = { name: 'a', l1: undefined, l2: undefined, codec: undefined, logger, onEvent }
  await using cache = createCache(options)
  expect(await cache.getOrSet('k', () => 'v')).toBe('v')
})
