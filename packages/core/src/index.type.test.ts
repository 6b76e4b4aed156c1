import { expect, expectTypeOf, test } from 'vitest'
import {
  type Bus,
  type BusStats,
  type Cache,
  type CacheError,
  type CacheErrorDetails,
  type CacheEvent,
  type CacheOptions,
  type Clock,
  type CompressionAlgorithm,
  type CompressionOptions,
  createCache,
  type Doubt,
  inProcessBus,
  type L1Options,
  type SchemaResult,
  type ServerFacts,
  type ServerState,
  type StandardSchema,
  type StoreDefinition,
  type StoreFacts,
  type TierExplanation,
  type Trouble,
  type TroubleEvent,
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

test('what is told of servers can be named, in events, stats and explain alike', () => {
  expectTypeOf<TroubleEvent['what']>().toEqualTypeOf<Trouble>()
  expectTypeOf<'l2.lost' | 'l2.back' | 'bus.refused' | 'bus.lost' | 'bus.back'>().toExtend<Trouble>()
  expectTypeOf<Extract<CacheEvent, { type: 'trouble' }>['server']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<keyof ReturnType<Cache['stats']>['l2']['servers']>().toEqualTypeOf<ServerState['state']>()
  expectTypeOf<ServerFacts>().toExtend<ServerState>()
  expectTypeOf<TierExplanation['server']>().toEqualTypeOf<string | undefined>()
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
