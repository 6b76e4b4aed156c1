/** How a namespace stands on a server. */
export interface RingLook {
  /** The record of the ring that is in use, and by what it can be replaced; undefined: there is none. */
  readonly record: { readonly text: string; readonly cas: string } | undefined
  readonly isSealed: boolean
}

/** What a ring keeps on one server in the name of one namespace, beside its entries. One trip each, but for `unseal`. */
export interface RingItems {
  look(epoch: string, by: number): Promise<RingLook>
  /** Stores a record in the place of the one with this cas, or of none. False: another has come before it. */
  write(record: string, cas: string | undefined, lifeMs: number, by: number): Promise<boolean>
  /** Prolongs the record that is there, and answers it; undefined: there is none. */
  prolong(lifeMs: number, by: number): Promise<string | undefined>
  seal(epoch: string, by: number): Promise<void>
  /** Makes a sealed epoch usable: nothing that was stored before matches. Leaves one that is not sealed as it is. */
  unseal(epoch: string, by: number): Promise<void>
}
