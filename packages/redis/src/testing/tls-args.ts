import type { Certificate } from '@holdfast/testkit'

/** What a redis-server with TLS on this port is started with. */
export function tlsArgs({ certFile, keyFile }: Certificate['files'], port: number): readonly string[] {
  return [
    ...['--tls-port', `${port}`, '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile],
  ]
}
