import { invalidArgument, invalidUnquoted } from 'holdfast/contracts'
import type { RedisAddress } from './url.ts'

/** The address with these settings. Throws `invalid_argument` where they contradict the URL. */
export function withTls(address: RedisAddress, tls: unknown): RedisAddress {
  if (tls === undefined) return address
  const { endpoint } = address
  if (tls === false) {
    if (endpoint.transport !== 'tls') return address
    throw invalidArgument('tls', 'settings or nothing for a rediss:// url', tls)
  }
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls))
    throw invalidUnquoted('tls', 'TLS settings, or false', tls)
  if (endpoint.transport !== 'tls') throw invalidArgument('tls', 'a rediss:// url for TLS settings', tls)
  return { ...address, endpoint: { ...endpoint, tls } }
}
