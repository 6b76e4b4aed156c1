import type { RingMark } from './ring-mark.ts'

/** How a namespace stands on a server. */
export interface RingLook {
  /** The record of the ring that is in use, or about to be, and by what it can be replaced; undefined: there is none. */
  readonly record: { readonly text: string; readonly mark: RingMark; readonly cas: string } | undefined
  /** The namespace token of the epoch asked about; undefined: there is none. */
  readonly token: { readonly isSealed: boolean; readonly cas: string } | undefined
}

/** The same at a glance: small, however many servers a record names. */
export interface RingGlance {
  readonly mark: RingMark | undefined
  readonly isSealed: boolean
}

/** What a ring keeps on one server in the name of one namespace, beside its entries. One trip each. */
export interface RingItems {
  look(epoch: string, by: number): Promise<RingLook>
  glance(epoch: string, by: number): Promise<RingGlance>
  /** Stores a record in the place of the one with this cas, or of none. False: another has come before it. */
  write(record: RingItem, cas: string | undefined, lifeMs: number, by: number): Promise<boolean>
  /** A glance that prolongs the record that is there. */
  prolong(epoch: string, lifeMs: number, by: number): Promise<RingGlance>
  seal(epoch: string, by: number): Promise<void>
  /**
   * Removes the token with this cas, sealed or not: nothing that was stored in the ring before matches. By its cas: who
   * has sealed it since has done so for a reason.
   */
  renew(epoch: string, cas: string, by: number): Promise<void>
}

/** A record as it is written. */
export interface RingItem {
  readonly text: string
  readonly mark: RingMark
}
