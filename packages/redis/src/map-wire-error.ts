import type { WireError } from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'

/**
 * An error of the connection in the words of the cache. Its `cause` is the WireError, whose code 'lost' (and
 * 'timeout') says that the command may have been executed.
 */
export function mapWireError(cause: WireError): CacheError {
  const code = cause.code === 'timeout' ? 'l2_timeout' : 'l2_unavailable'
  return new CacheError(code, cause.message, { tier: 'l2', retryable: cause.code !== 'closed', cause })
}
