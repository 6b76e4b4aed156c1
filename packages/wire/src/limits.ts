/** The bounds of a connection. */
export interface ConnectionLimits {
  /** Time for connecting and the handshake together. */
  readonly connectTimeoutMs: number
  /** A connection whose oldest command is overdue by more than this is replaced. */
  readonly stallMs: number
  /** Commands sent and not answered; those whose caller has given up count too. */
  readonly inFlightMax: number
  /** Bytes not yet accepted by the kernel. */
  readonly bufferedBytesMax: number
  /** The wait before a first reconnect is at most this … */
  readonly backoffMinMs: number
  /** … doubled with each failure up to this. */
  readonly backoffMaxMs: number
}

/**
 * 16,384 commands are 30 ms of a server's work, and 64 MiB half a second of a 1 Gbit/s network. A server that is back
 * is used again within backoffMaxMs; a fleet of 50 asks a dead one 100 times a second together.
 */
export const DEFAULT_LIMITS: ConnectionLimits = {
  connectTimeoutMs: 1000,
  stallMs: 1000,
  inFlightMax: 16_384,
  bufferedBytesMax: 64 * 1024 * 1024,
  backoffMinMs: 50,
  backoffMaxMs: 1000,
}
