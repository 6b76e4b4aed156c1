import { describe, expect, test } from 'vitest'
import {
  CacheError,
  decodeEntry,
  encodeEntry,
  type FillRequest,
  type NamespaceStore,
  type NewEntry,
  type PutReply,
  type PutRequest,
  type StoreDefinition,
  type StoreWatcher,
  type StoredEntry,
  type TagToken,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import type { Quarantine } from '../memory-store/keyspace.ts'
import { MemoryCommands, type RawAcquired, type RawFilled, type RawRead } from '../memory-store/memory-commands.ts'
import type { CommandParts, Place } from '../memory-store/memory-rules.ts'
import { MemoryServer } from '../memory-store/memory-server.ts'
import { decorateStore, type StoreDecoration } from './decorate-store.ts'
import { memoryHarness } from './memory-harness.ts'
import { storeConformance } from './store-conformance.ts'
import { storeMutants } from './store-mutants.ts'
