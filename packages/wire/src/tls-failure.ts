/** The other end answered the TLS handshake with what is no TLS. */
class NoTls extends Error {}

// What OpenSSL takes the first bytes of plain text for.
const NO_TLS = ['wrong version number', 'packet length too long']
// A connection wraps the error of its socket, and a client wraps that.
const CAUSES_MAX = 5

/** An error of OpenSSL in one line that says what is wrong: its own begins with numbers and ends with a line break. */
export function tlsFailure(error: Error): Error {
  const reason: unknown = Reflect.get(error, 'reason')
  if (Reflect.get(error, 'library') !== 'SSL routines' || typeof reason !== 'string') return error
  return NO_TLS.includes(reason)
    ? new NoTls(`the port does not speak TLS (${reason})`, { cause: error })
    : new Error(`TLS: ${reason}`, { cause: error })
}

/** Whether a connection ended because the port does not speak TLS. */
export function isNoTls(error: unknown): boolean {
  let each = error
  for (let depth = 0; depth < CAUSES_MAX && each instanceof Error; depth++) {
    if (each instanceof NoTls) return true
    each = each.cause
  }
  return false
}
