export { inProcessBus } from './bus/in-process-bus.ts'
export {
  Cache,
  type Entry,
  type ReadOptions,
  type SetOptions,
  type WrapOptions,
} from './cache.ts'
export { type CompressionOptions, compression } from './codec/compression.ts'
export type { CompressionAlgorithm } from './codec/compression-methods.ts'
export { namedType } from './codec/named-types.ts'
export type {
  Bus,
  BusConnection,
  BusEnvironment,
  BusListener,
  Clock,
  ServerFacts,
  ServerState,
  StoreDefinition,
  StoreFacts,
  Timer,
} from './contracts.ts'
export { createCache } from './create-cache.ts'
export type { ByteSize, Duration } from './duration.ts'
export { CacheError, type CacheErrorCode, type CacheErrorDetails } from './errors.ts'
export type { CacheEvent, InvalidateEvent, LoadEvent, ReadEvent, Trouble, TroubleEvent } from './events.ts'
export type { Explanation, TagExplanation, TierExplanation } from './flow/explain.ts'
export type { Invalidated, InvalidateOptions } from './flow/invalidate.ts'
export type { LoadContext, Loader } from './flow/loader.ts'
export type { LoadManyContext, ManyLoader } from './flow/many.ts'
export type { Written } from './flow/mutate.ts'
export type { Reservation } from './flow/reserve.ts'
export type { Stored } from './flow/set.ts'
export type { CacheKey, KeyPart } from './keys.ts'
export type {
  CacheOptions,
  CodecWrap,
  EntryOptions,
  EvictionPolicyName,
  Isolation,
  L1Bounds,
  L1Mode,
  L1Options,
  L1Upkeep,
  Logger,
  NamedType,
  SchemaIssue,
  SchemaResult,
  StandardSchema,
  TagsOption,
  TieredDuration,
} from './options.ts'
export type { BusStats, CacheStats, Doubt, MissReason, Outcome, Tier } from './stats.ts'
