import { expect, expectTypeOf, test } from 'vitest'
import {
  type Bus,
  type BusStats,
  type Cache,
  type CacheError,
  type CacheErrorDetails,
  type CacheOptions,
  type Clock,
  type CompressionAlgorithm,
  type CompressionOptions,
  createCache,
  type Doubt,
  inProcessBus,
  type L1Options,
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

test("mode 'bus' and a bus go together", () => {
  expectTypeOf<{ mode: 'bus'; bus: Bus }>().toExtend<L1Options>()
  expectTypeOf<{ mode: 'bus'; bus: Bus; maxEntries: 10; maxStale: '1s' }>().toExtend<L1Options>()
  expectTypeOf<{ mode: 'bus' }>().not.toExtend<L1Options>()
  expectTypeOf<{ mode: 'none'; bus: Bus }>().not.toExtend<L1Options>()
  expectTypeOf<{ bus: Bus }>().not.toExtend<L1Options>()
  expectTypeOf(inProcessBus()).toEqualTypeOf<Bus>()
  expectTypeOf<ReturnType<Cache['stats']>['bus']>().toEqualTypeOf<BusStats>()
  expectTypeOf<keyof BusStats['doubts']>().toEqualTypeOf<Doubt>()
})

test('an option that depends on something may be undefined, also where a program is checked for that', async () => {
  const isOn = Date.UTC(1970) !== 0
  const onEvent = isOn ? () => undefined : undefined
  const logger = isOn ? console : undefined
  const options: CacheOptions = { name: 'a', l1: undefined, l2: undefined, codec: undefined, logger, onEvent }
  await using cache = createCache(options)
  expect(await cache.getOrSet('k', () => 'v')).toBe('v')
})
