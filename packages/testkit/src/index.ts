export { type BusHarness, busConformance } from './bus/bus-conformance.ts'
export { type BusMutant, busMutants } from './bus/bus-mutants.ts'
export { type BusDecoration, decorateBus } from './bus/decorate-bus.ts'
export {
  type MemoryBus,
  type MemoryBusConnection,
  type MemoryBusOptions,
  memoryBus,
} from './bus/memory-bus.ts'
export { type Certificate, makeCertificate } from './certificate.ts'
export { changedRead } from './conformance/changed-read.ts'
export { decorateStore, type StoreDecoration } from './conformance/decorate-store.ts'
export type { ConformanceCase, Need, StoreHarness } from './conformance/harness.ts'
export { memoryHarness } from './conformance/memory-harness.ts'
export { storeConformance } from './conformance/store-conformance.ts'
export { type StoreMutant, storeMutants } from './conformance/store-mutants.ts'
export { withoutPush } from './conformance/without-push.ts'
export type { Faults } from './fault-proxy/faults.ts'
export { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts'
export { freePort } from './free-port.ts'
export { ANOMALIES, type Anomaly, type Violation } from './history/anomaly.ts'
export { type CheckHistoryOptions, checkHistory, type HistoryReport } from './history/check-history.ts'
export { hostNow } from './history/clock.ts'
export type { FreshWithin } from './history/freshness.ts'
export type {
  CommitEvent,
  FillEvent,
  HistoryEvent,
  InvalidateEvent,
  LoadEvent,
  ReadEvent,
  ReadSource,
  SetEvent,
} from './history/history-event.ts'
export { readHistory } from './history/read-history.ts'
export {
  type HistoryRecorder,
  type NewEvent,
  type RecordHistoryOptions,
  recordHistory,
} from './history/record-history.ts'
export { summarizeReport } from './history/summarize-report.ts'
export { type ManualClock, type ManualClockOptions, manualClock } from './manual-clock.ts'
export type { MemorySnapshot } from './memory-store/keyspace.ts'
export {
  MemoryServer,
  type MemoryServerOptions,
  type MemoryStats,
  memoryServer,
} from './memory-store/memory-server.ts'
export type {
  MemoryConnection,
  MemoryOperation,
  NameKind,
  ServerName,
} from './memory-store/model.ts'
export { type MemoryStore, type MemoryStoreDefinition, memoryStore } from './memory-store.ts'
export {
  type PartedMemoryStore,
  type PartedMemoryStoreDefinition,
  partedMemoryStore,
} from './parted-memory-store.ts'
export { percentile } from './percentile.ts'
export { SEED, seeded } from './seed.ts'
export { type RedisReply, RedisReplyError } from './servers/resp2.ts'
export { ServerError, type ServerErrorCode } from './servers/server-error.ts'
export { type MemcachedServer, type StartMemcachedOptions, startMemcached } from './start-memcached.ts'
export {
  findPostgres,
  type PostgresServer,
  type StartPostgresOptions,
  startPostgres,
} from './start-postgres.ts'
export { type RedisServer, type RedisText, type StartRedisOptions, startRedis } from './start-redis.ts'
export { pause, until } from './until.ts'
