import { type DecodedEntry, decodeEntry } from 'holdfast/contracts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { behindId, seenInPassing } from './seen.ts'
import type { WonLease } from './won-lease.ts'

/** The client flag of a lease stub that was renewed: its value names the lease. A fresh one is empty. */
export const LEASE_FLAG = 1
/** What a read of a value or lease asks for. */
export const VALUE_FLAGS = 'v c f'
// A cas.
const LEASE_NAME = /^\d{1,20}$/

/** By whose connection a cas counts: another server, or the same one restarted, counts anew. */
export interface Counting {
  readonly generation: number
  serverNow(): number
}

/** What stands where a value would. */
export type ValueLook =
  /** With `N`: the server had no room for a lease either. */
  | { readonly state: 'absent' }
  /** A lease on nothing; `won`: by whoever looked. `name` stays when it is renewed, and its cas does not. */
  | { readonly state: 'lease'; readonly cas: string; readonly name: string; readonly won: boolean }
  /** `leased`: somebody loads over it; `won`: whoever looked has just won that right. */
  | {
      readonly state: 'value'
      readonly cas: string
      readonly entry: DecodedEntry
      readonly leased: boolean
      readonly won: boolean
    }

/**
 * What a reply to `mg … v c f` of this key, under its name, says that came over this connection. The payload is a view
 * into the reply's bytes.
 */
export function lookAtValue(
  reply: MetaReply | undefined,
  key: string,
  name: MetaKey,
  connection: Counting,
): ValueLook {
  if (reply?.code !== 'VA') return { state: 'absent' }
  const { value, size, cas = '0', won, lost } = reply
  if (size === 0 && isStub(reply)) return { state: 'lease', cas, name: cas, won }
  const renewed = reply.clientFlags === LEASE_FLAG ? reply.valueText('latin1') : undefined
  if (renewed !== undefined && LEASE_NAME.test(renewed)) return { state: 'lease', cas, name: renewed, won }
  // A value that somebody holds the lease of is not handed back with its cas: that would void the lease.
  const behind = lost ? '' : behindId(connection, cas)
  const entry: DecodedEntry =
    value === undefined
      ? { readable: false, reason: `${size} bytes`, isTooLarge: true, seen: seenInPassing(behind) }
      : decodeEntry(value, key, connection.serverNow(), behind, name)
  return { state: 'value', cas, entry, leased: lost, won }
}

/** The lease that whoever looked has won by it, if so. */
export function wonLease(
  look: ValueLook,
  key: string,
  { generation }: Pick<Counting, 'generation'>,
): WonLease | undefined {
  if (look.state === 'absent' || !look.won) return undefined
  return { key, cas: look.cas, on: look.state === 'lease' ? 'stub' : 'value', generation }
}

/** An item that was made by `N`: it has a winner, and is no value that is offered. Whatever else is empty is none of ours. */
function isStub({ won, lost, stale }: Pick<MetaReply, 'won' | 'lost' | 'stale'>): boolean {
  return (won || lost) && !stale
}
