import { isIPv6 } from 'node:net'
import {
  type Credentials,
  type Endpoint,
  readHostAndPort,
  readSocketPath,
  type ServerUrlParts,
  splitServerUrl,
} from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'

/** Where a Redis server is, who asks, and which of its databases. */
export interface RedisAddress {
  readonly endpoint: Endpoint
  readonly credentials: Credentials | undefined
  readonly db: number
  /** The address as a URL without credentials: what messages and logs may show. */
  readonly display: string
}

const DEFAULT_PORT = 6379
const DB_MAX = 2 ** 31 - 1

const PROTOCOLS = ['redis', 'rediss', 'redis+unix']
const FORMS = 'redis://[user:password@]host[:port][/db], rediss:// or redis+unix:///path[?db=n]'

function bad(part: string | undefined, expected: string): CacheError {
  const where = part === undefined ? '' : `${part}: `
  return new CacheError('invalid_argument', `redis url: ${where}expected ${expected}`)
}

/**
 * Reads a `redis://`, `rediss://` or `redis+unix://` URL. User, password and path are percent-decoded; an
 * unencoded `@` in a password is understood (the last one wins), an unencoded `/`, `?` or `#` is refused.
 * Throws CacheError `invalid_argument`, which says what is wrong and repeats nothing of the URL.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const parts = splitServerUrl(text, { protocols: PROTOCOLS, forms: FORMS }, bad)
  return parts.protocol === 'redis+unix' ? parseUnix(parts) : parseTcp(parts)
}

function parseTcp({ protocol, credentials, host: hostAndPort, tail }: ServerUrlParts): RedisAddress {
  const { host, port } = readHostAndPort(hostAndPort, DEFAULT_PORT, bad)
  if (/[?#]/.test(tail)) throw bad(undefined, 'no "?" or "#" after the host: options are given in code')
  const db = parseDb(tail === '' || tail === '/' ? '0' : tail.slice(1))
  const shownHost = isIPv6(host) ? `[${host}]` : host
  const display = `${protocol}://${shownHost}:${port}/${db}`
  return {
    endpoint: { transport: protocol === 'rediss' ? 'tls' : 'tcp', host, port },
    credentials,
    db,
    display,
  }
}

function parseUnix({ credentials, host, tail }: ServerUrlParts): RedisAddress {
  if (host !== '') throw bad('host', 'none before the path of a unix socket (three slashes)')
  const question = tail.indexOf('?')
  const path = readSocketPath(question < 0 ? tail : tail.slice(0, question), bad)
  const query = question < 0 ? 'db=0' : tail.slice(question + 1)
  if (!query.startsWith('db=')) throw bad('query', '"?db=n" and nothing else')
  const db = parseDb(query.slice(3))
  const display = `redis+unix://${encodeURI(path)}?db=${db}`
  return { endpoint: { transport: 'unix', path }, credentials, db, display }
}

function parseDb(text: string): number {
  const db = /^\d{1,10}$/.test(text) ? Number(text) : -1
  if (db < 0 || db > DB_MAX) throw bad('db', `a whole number from 0 to ${DB_MAX}`)
  return db
}
