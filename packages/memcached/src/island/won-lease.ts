/** A lease as it was won. */
export interface WonLease {
  readonly key: string
  /** Of the item that it is: of a stub of its own, or of the value that is to be replaced. */
  readonly cas: string
  readonly on: 'stub' | 'value'
  /** The connection that granted it. */
  readonly generation: number
}
