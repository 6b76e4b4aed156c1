import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Endpoint } from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'
import { Credentials } from './credentials.ts'

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
// sockaddr_un holds 108 bytes, the last of them NUL.
const UNIX_PATH_BYTES_MAX = 107
const URL_CHARS_MAX = 4096

const FORMS = 'redis://[user:password@]host[:port][/db], rediss:// or redis+unix:///path[?db=n]'

// Only the part is named and never its text: where a URL is malformed, any piece of it may be the password.
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
  if (typeof text !== 'string') throw bad(undefined, `a string of the form ${FORMS}`)
  if (text === '') throw bad(undefined, 'redis://…, got an empty string: is the variable set?')
  if (text.length > URL_CHARS_MAX) throw bad(undefined, `at most ${URL_CHARS_MAX} characters`)
  if (hasControlOrSpace(text)) throw bad(undefined, 'no control characters, line breaks or spaces')
  const protocol = /^(redis|rediss|redis\+unix):\/\//i.exec(text)
  if (protocol === null) throw bad('protocol', FORMS)
  const rest = text.slice(protocol[0].length)
  const authorityEnd = rest.search(/[/?#]/)
  const authority = authorityEnd < 0 ? rest : rest.slice(0, authorityEnd)
  const tail = authorityEnd < 0 ? '' : rest.slice(authorityEnd)
  if (tail.includes('@'))
    throw bad('credentials', '"/", "?", "#" and "@" to be percent-encoded (%2F %3F %23 %40)')
  const at = authority.lastIndexOf('@')
  const credentials = at < 0 ? undefined : parseCredentials(authority.slice(0, at))
  const host = authority.slice(at + 1)
  if (protocol[1]?.toLowerCase() === 'redis+unix') return { ...parseUnix(host, tail), credentials }
  return { ...parseTcp(protocol[1]?.toLowerCase() === 'rediss', host, tail), credentials }
}

function parseTcp(isTls: boolean, hostAndPort: string, tail: string): Omit<RedisAddress, 'credentials'> {
  const { host, port } = parseHostAndPort(hostAndPort)
  if (/[?#]/.test(tail)) throw bad(undefined, 'no "?" or "#" after the host: options are given in code')
  const db = parseDb(tail === '' || tail === '/' ? '0' : tail.slice(1))
  const shownHost = isIPv6(host) ? `[${host}]` : host
  const display = `${isTls ? 'rediss' : 'redis'}://${shownHost}:${port}/${db}`
  return { endpoint: { transport: isTls ? 'tls' : 'tcp', host, port }, db, display }
}

function parseUnix(host: string, tail: string): Omit<RedisAddress, 'credentials'> {
  if (host !== '') throw bad('host', 'none before the path of a unix socket (three slashes)')
  const question = tail.indexOf('?')
  const path = decode('path', question < 0 ? tail : tail.slice(0, question))
  if (path.length < 2 || path.includes('#')) throw bad('path', 'the absolute path of a unix socket')
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) throw bad('path', `at most ${UNIX_PATH_BYTES_MAX} bytes`)
  const query = question < 0 ? 'db=0' : tail.slice(question + 1)
  if (!query.startsWith('db=')) throw bad('query', '"?db=n" and nothing else')
  const db = parseDb(query.slice(3))
  return { endpoint: { transport: 'unix', path }, db, display: `redis+unix://${encodeURI(path)}?db=${db}` }
}

function parseCredentials(text: string): Credentials | undefined {
  const colon = text.indexOf(':')
  if (colon < 0) throw bad('credentials', '"user:password" or ":password" before the "@"')
  const user = decode('user', text.slice(0, colon))
  const password = decode('password', text.slice(colon + 1))
  if (user === '' && password === '') return undefined
  return new Credentials(user === '' ? undefined : user, password)
}

function parseHostAndPort(text: string): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>.*))?$/s.exec(text)
  if (match === null)
    throw bad('host', 'a name, an IPv4 address or an IPv6 address in brackets, then ":port"')
  const { v6, name, port } = match.groups ?? {}
  if (v6 !== undefined && !isIPv6(v6)) throw bad('host', 'an IPv6 address in brackets')
  return { host: v6 ?? parseName(name ?? ''), port: port === undefined ? DEFAULT_PORT : parsePort(port) }
}

function parseName(name: string): string {
  if (name === '') throw bad('host', 'a host name or address')
  // An international name is asked for, and shown, in its ASCII form.
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name)
  if (ascii.length > 253 || !/^[\w-]+(\.[\w-]+)*\.?$/.test(ascii))
    throw bad('host', 'a name of letters, digits, ".", "-" and "_"')
  return ascii
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw bad('port', 'a whole number from 1 to 65535')
  return port
}

function parseDb(text: string): number {
  const db = /^\d{1,10}$/.test(text) ? Number(text) : -1
  if (db < 0 || db > DB_MAX) throw bad('db', `a whole number from 0 to ${DB_MAX}`)
  return db
}

function decode(part: string, text: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(text)
  } catch {
    // The cause is left out: its message may repeat what it could not decode.
    throw bad(part, 'valid percent-encoding (a "%" itself is %25)')
  }
  if (hasControl(decoded)) throw bad(part, 'no control characters or line breaks')
  return decoded
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

function hasControlOrSpace(text: string): boolean {
  return hasControl(text) || /\s/.test(text)
}
