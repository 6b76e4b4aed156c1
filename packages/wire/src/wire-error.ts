/** Every code an error of a connection can carry. */
export type WireErrorCode =
  | 'unavailable' // no ready connection; nothing was sent
  | 'timeout' // the deadline passed; the outcome is unknown unless the message says it was not sent
  | 'lost' // the connection broke after the bytes were handed to it; the outcome is unknown
  | 'overloaded' // a bound of the connection was reached; nothing was sent
  | 'closed' // the connection was closed by its owner
  | 'protocol' // the peer sent what the framing cannot read; the connection was dropped

/**
 * The error of a connection. Commands that fail by one event (a loss, one expiry check) share one error object.
 */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code: WireErrorCode

  constructor(code: WireErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
