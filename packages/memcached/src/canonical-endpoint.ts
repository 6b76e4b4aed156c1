import { isIPv6, SocketAddress } from 'node:net'
import type { Endpoint } from '@holdfast/wire'

/** One text for all spellings of where a server listens, however it is reached: by TLS or not, by whom. */
export function canonicalEndpoint(endpoint: Endpoint): string {
  if (endpoint.transport === 'unix') return endpoint.path
  const host = isIPv6(endpoint.host)
    ? new SocketAddress({ address: endpoint.host, family: 'ipv6' }).address
    : endpoint.host.toLowerCase().replace(/\.$/, '')
  return `${host}:${endpoint.port}`
}
