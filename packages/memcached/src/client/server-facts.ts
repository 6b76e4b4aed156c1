/** What a server said of itself when the connection was made. */
export interface MemcachedFacts {
  readonly version: string
  readonly pid: number
  /** When it was started, by its own clock, to a second or two. */
  readonly startedAtMs: number
  /** A value is refused by the server (and the old one is gone) beyond this, item header and key included. */
  readonly itemBytesMax: number
  readonly memoryBytesMax: number
  /** It makes room by evicting; false (-M): it refuses what it has no room for. */
  readonly evicts: boolean
  /** `E`: the client says what the cas shall be (1.6.27 or newer). */
  readonly hasExplicitCas: boolean
  /** `mg C`: a value that has not changed is not sent (1.6.40 or newer). */
  readonly hasConditionalGet: boolean
}
