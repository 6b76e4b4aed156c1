import { decorateStore, type HistoryRecorder } from '@holdfast/testkit'
import type { FillRequest, NamespaceStore, StoreDefinition, Token } from 'holdfast/contracts'
import type { Row } from './database.ts'
import { Misses } from './misses.ts'

/** A lease that was won and is not given back yet. */
interface Held {
  readonly key: string
  readonly startMs: number
  readonly grantedMs: number
  leasedUntilMs: number
}

// The server counts a lease in whole milliseconds of its own clock: it may end this much early.
const EARLY_MS = 2

/** How a store grants leases. */
interface Grants {
  /** The lease, where the server grants another than it is asked for. */
  readonly fixedLeaseMs: number | undefined
  /** A lease may have been granted already to a read that found nothing, and that went before the acquire. */
  readonly grantsWithReads: boolean
}

/** Records every load under a lease, every fill, and what writes void before they commit. */
export function withRecordedLeases(
  definition: StoreDefinition,
  recorder: HistoryRecorder,
  grants: Grants,
): StoreDefinition {
  return decorateStore(definition, {
    namespace: (inner) => {
      const misses = new Misses()
      const operations = recorded(inner, recorder, misses, grants.fixedLeaseMs)
      return grants.grantsWithReads ? { ...operations, read: misses.watch(inner) } : operations
    },
  })
}

function recorded(
  inner: NamespaceStore,
  recorder: HistoryRecorder,
  misses: Misses,
  fixedLeaseMs: number | undefined,
): Partial<NamespaceStore> {
  // Bounded by the loads under way.
  const held = new Map<Token, Held>()
  // Bounded by the writes under way.
  const quarantined = new Map<Token, number>()
  const addLoad = (token: Token, endMs: number, version?: number): void => {
    const lease = held.get(token)
    held.delete(token)
    if (lease === undefined) return
    const { key, startMs, grantedMs } = lease
    const leasedUntilMs = Math.max(startMs, lease.leasedUntilMs)
    const event = { key, token: hex(token), startMs, endMs, grantedMs, leasedUntilMs }
    recorder.add({ kind: 'load', ...event, ...(version === undefined ? {} : { version }) })
  }
  return {
    acquire: async (request, by) => {
      const startMs = misses.take(request.key)
      const acquired = await inner.acquire(request, by)
      if (acquired.state === 'won') {
        const leasedUntilMs = startMs + (fixedLeaseMs ?? request.leaseMs) - EARLY_MS
        held.set(request.token, { key: request.key, startMs, grantedMs: recorder.now(), leasedUntilMs })
      }
      return acquired
    },
    renew: async (key, token, leaseMs, by) => {
      const sentMs = recorder.now()
      const isHeld = await inner.renew(key, token, leaseMs, by)
      const lease = held.get(token)
      if (isHeld && lease !== undefined && fixedLeaseMs === undefined)
        lease.leasedUntilMs = sentMs + leaseMs - EARLY_MS
      return isHeld
    },
    quarantine: async (names, token, lifeMs, by) => {
      const startMs = recorder.now()
      await inner.quarantine(names, token, lifeMs, by)
      // The first one invalidates, before anything is committed; later ones renew it.
      if (quarantined.has(token)) return
      quarantined.set(token, startMs)
      recorder.add({ kind: 'invalidate', ...names, startMs, endMs: recorder.now(), result: 'applied' })
    },
    // It is lifted behind its writer's back: until then it may void what was granted meanwhile.
    unquarantine: async (names, token, by) => {
      const startMs = quarantined.get(token) ?? recorder.now()
      quarantined.delete(token)
      await inner.unquarantine(names, token, by)
      recorder.add({ kind: 'invalidate', ...names, startMs, endMs: recorder.now(), result: 'applied' })
    },
    release: async (key, token, by) => {
      addLoad(token, recorder.now())
      return await inner.release(key, token, by)
    },
    fill: async (request, by) => {
      const row = rowOf(request)
      const startMs = recorder.now()
      addLoad(request.token, startMs, row.version)
      const add = (result: 'stored' | 'refused' | 'unknown'): void => {
        const { key, token } = request
        const value = { version: row.version, valueKey: row.key, tags: row.tags }
        recorder.add({
          kind: 'fill',
          key,
          token: hex(token),
          ...value,
          startMs,
          endMs: recorder.now(),
          result,
        })
      }
      try {
        const filled = await inner.fill(request, by)
        add(filled.stored ? 'stored' : 'refused')
        return filled
      } catch (error) {
        add('unknown')
        throw error
      }
    },
  }
}

/** A row is plain data: its payload is JSON. */
function rowOf({ entry }: FillRequest): Row {
  const row: Row = JSON.parse(Buffer.from(entry.payload).toString())
  return row
}

function hex(token: Token): string {
  return Buffer.from(token, 'latin1').toString('hex')
}
