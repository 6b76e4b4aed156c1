import { isLoopback } from '@holdfast/wire'
import type { RedisAddress } from './url.ts'

/**
 * What a user should know of the way to this server, in one line; undefined: nothing. `plaintext` is 'meant' where he
 * said so himself.
 */
export function transportWarning(
  { endpoint, credentials }: RedisAddress,
  plaintext: 'meant' | 'not said',
): string | undefined {
  if (endpoint.transport === 'unix') return undefined
  if (endpoint.transport === 'tls') {
    return endpoint.tls?.rejectUnauthorized === false
      ? 'its certificate is not verified: whoever is in between reads and changes everything'
      : undefined
  }
  if (isLoopback(endpoint.host) || plaintext === 'meant') return undefined
  const what = credentials === undefined ? 'values travel' : 'THE PASSWORD and all values travel'
  return `${what} unencrypted to another machine; use rediss://, or say that it is meant: redis(url, { tls: false })`
}
