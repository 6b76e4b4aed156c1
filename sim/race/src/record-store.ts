import { decorateStore, type HistoryRecorder } from '@holdfast/testkit'
import type { FillRequest, NamespaceStore, StoreDefinition, Token } from 'holdfast/contracts'
import type { Row } from './database.ts'

/** A lease that was won and is not given back yet. */
interface Held {
  readonly key: string
  readonly startMs: number
  readonly grantedMs: number
  leasedUntilMs: number
}

// The server counts a lease in whole milliseconds of its own clock: it may end this much early.
const EARLY_MS = 2

/** Records every load under a lease and every fill; `leaseMs` where the server grants another than it is asked for. */
export function withRecordedLeases(
  definition: StoreDefinition,
  recorder: HistoryRecorder,
  leaseMs: number | undefined,
): StoreDefinition {
  return decorateStore(definition, { namespace: (inner) => recorded(inner, recorder, leaseMs) })
}

function recorded(
  inner: NamespaceStore,
  recorder: HistoryRecorder,
  fixedLeaseMs: number | undefined,
): Partial<NamespaceStore> {
  // Bounded by the loads under way.
  const held = new Map<Token, Held>()
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
      const startMs = recorder.now()
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
