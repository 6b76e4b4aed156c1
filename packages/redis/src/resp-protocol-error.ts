/** Bytes that are no RESP3, or are beyond a bound: the connection that sent them cannot be used any more. */
export class RespProtocolError extends Error {
  override readonly name = 'RespProtocolError'
}
