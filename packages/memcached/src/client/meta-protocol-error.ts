/** Bytes that are no Memcached, or are beyond a bound: the connection that sent them cannot be used any more. */
export class MetaProtocolError extends Error {
  override readonly name = 'MetaProtocolError'
}
