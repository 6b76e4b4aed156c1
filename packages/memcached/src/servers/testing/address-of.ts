import type { MemcachedAddress } from '../../url.ts'
import type { ListedServer } from '../placement.ts'

/** How a server of this machine is reached. */
export function addressOf({ host, port, weight }: ListedServer): MemcachedAddress {
  const endpoint = { transport: 'tcp', host, port } as const
  return { endpoint, credentials: undefined, weight, display: `memcached://${host}:${port}` }
}
