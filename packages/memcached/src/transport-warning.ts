import { isLoopback } from '@holdfast/wire'
import type { MemcachedAddress } from './url.ts'

/**
 * What a user should know of the way to these servers, in one line that begins with the address of one; undefined:
 * nothing. `plaintext` is 'meant' where he said so himself.
 */
export function transportWarning(
  addresses: readonly MemcachedAddress[],
  plaintext: 'meant' | 'not said',
): string | undefined {
  for (const { endpoint, display } of addresses) {
    if (endpoint.transport === 'tls' && endpoint.tls?.rejectUnauthorized === false) {
      return `${display}: its certificate is not verified: whoever is in between reads and changes everything`
    }
  }
  if (plaintext === 'meant') return undefined
  const open = addresses.filter(({ endpoint }) => endpoint.transport === 'tcp' && !isLoopback(endpoint.host))
  const loudest = open.find(({ credentials }) => credentials !== undefined) ?? open[0]
  if (loudest === undefined) return undefined
  const what = loudest.credentials === undefined ? 'values travel' : 'THE PASSWORD and all values travel'
  return `${loudest.display}: ${what} unencrypted to another machine; use memcacheds://, or say that it is meant: memcached(url, { tls: false })`
}
