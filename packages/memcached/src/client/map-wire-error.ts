import type { WireError } from '@holdfast/wire'
import { CacheError, type CacheErrorCode } from 'holdfast/contracts'

/**
 * An error of the connection in the words of the cache. Its `cause` is the WireError, whose code 'lost' (and
 * 'timeout') says that the command may have been executed.
 */
export function mapWireError(cause: WireError): CacheError {
  const code = codeOf(cause)
  return new CacheError(code, cause.message, { tier: 'l2', retryable: cause.code !== 'closed', cause })
}

function codeOf({ code }: WireError): CacheErrorCode {
  if (code === 'timeout') return 'l2_timeout'
  // 'overloaded' is our own doing, and says nothing against the server.
  return code === 'closed' || code === 'overloaded' ? code : 'l2_unavailable'
}
