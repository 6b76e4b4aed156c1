import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls'

/** TLS settings of Node. The server's certificate is verified unless they say otherwise explicitly. */
export type TlsSettings = Omit<TlsConnectionOptions, 'host' | 'port' | 'path' | 'socket'>

/** Where a server listens. */
export type Endpoint =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'tls'; readonly host: string; readonly port: number; readonly tls?: TlsSettings }
  | { readonly transport: 'unix'; readonly path: string }

/** The endpoint in one word, for messages. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.transport === 'unix') return endpoint.path
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`
}
