import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate that vouches for itself, as PEM text and as files; `using` removes the files. */
export interface Certificate extends Disposable {
  readonly pem: string
  /** What a redis-server with TLS on this port is started with. */
  args(port: number): readonly string[]
}

/** Made out to these names, e.g. `DNS:localhost`, and valid for a day. Needs openssl, or throws and says so. */
export function makeCertificate(...names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=holdfast']
  const files = ['-keyout', key, '-out', cert]
  try {
    execFileSync('openssl', [...kind, '-addext', `subjectAltName=${names.join()}`, ...files], {
      stdio: 'pipe',
    })
  } catch (cause) {
    throw new Error('a certificate is made by the openssl command: apt-get install openssl', { cause })
  }
  return {
    pem: readFileSync(cert, 'utf8'),
    args: (port) => [
      ...['--tls-port', `${port}`, '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert],
    ],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
