/** What is wrong with a network. */
export interface Faults {
  /** Replies (server to client) arrive this much later, in their order. Default 0. */
  readonly delayMs: number
  /** … and up to this much later still, drawn evenly for each chunk; the order is kept. Default 0. */
  readonly jitterMs: number
  /** Bytes a second in each direction, shared by all connections. Default Infinity. */
  readonly bytesPerSecond: number
  /** Replies are written in pieces of this many bytes, one a turn of the event loop; 1: byte by byte. Default Infinity. */
  readonly sliceBytes: number
  /** Nothing passes in either direction; connections stay open, and new ones are accepted. Default false. */
  readonly blackhole: boolean
  /** Replies are held back while requests pass; `heal` delivers them, in one piece a connection. Default false. */
  readonly holdReplies: boolean
  /** New connections are reset at once. Default false. */
  readonly refuse: boolean
  /**
   * A connection is reset (RST) once this many more bytes of replies have passed on it; 0: in place of the next one.
   * Counted for each connection, from the `inject` that says it or from its own beginning. Default Infinity.
   */
  readonly resetAfterBytes: number
}

/** A network without faults. */
export const NO_FAULTS: Faults = {
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  sliceBytes: Infinity,
  blackhole: false,
  holdReplies: false,
  refuse: false,
  resetAfterBytes: Infinity,
}
