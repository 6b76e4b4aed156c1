import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate that vouches for itself, as PEM text and as files; `using` removes the files. */
export interface Certificate extends Disposable {
  readonly pem: string
  readonly files: { readonly certFile: string; readonly keyFile: string }
}

/** Made out to these names, e.g. `DNS:localhost`, and valid for a day. Needs openssl, or throws and says so. */
export function makeCertificate(...names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=holdfast']
  const where = ['-keyout', files.keyFile, '-out', files.certFile]
  try {
    execFileSync('openssl', [...kind, '-addext', `subjectAltName=${names.join()}`, ...where], {
      stdio: 'pipe',
    })
  } catch (cause) {
    throw new Error('a certificate is made by the openssl command: apt-get install openssl', { cause })
  }
  return {
    pem: readFileSync(files.certFile, 'utf8'),
    files,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
