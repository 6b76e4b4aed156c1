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

/** Where one Memcached server is, and who asks. */
export interface MemcachedAddress {
  readonly endpoint: Endpoint
  readonly credentials: Credentials | undefined
  /** Its share of the keys beside those of others, from 1. */
  readonly weight: number
  /** The address as a URL without credentials: what messages and logs may show. */
  readonly display: string
}

const DEFAULT_PORT = 11_211
const WEIGHT_MAX = 1000
const SERVERS_MAX = 1000

const PROTOCOLS = ['memcached', 'memcacheds', 'memcached+unix']
const FORMS = 'memcached://[user:password@]host[:port], memcacheds:// or memcached+unix:///path'
/** Where one URL ends and another begins; a comma elsewhere separates hosts. */
const NEXT_URL = /,(?=[a-z+]+:\/\/)/i

function bad(part: string | undefined, expected: string): CacheError {
  const where = part === undefined ? '' : `${part}: `
  return new CacheError('invalid_argument', `memcached url: ${where}expected ${expected}`)
}

/**
 * Reads the addresses of one or more servers: `memcached://[user:password@]host[:port]`, `memcacheds://…` (TLS),
 * `memcached+unix:///path`; several URLs in an array or with commas between them, and several hosts in one URL
 * (`memcached://a,b:11212`), which share its credentials. `?weight=n` behind a host (1 to 1000) gives it n shares of the
 * keys. User, password and path are percent-decoded, so that a comma in them is %2C. Throws CacheError
 * `invalid_argument`, which says what is wrong and repeats nothing of the URL.
 */
export function parseMemcachedUrls(urls: string | readonly string[]): readonly MemcachedAddress[] {
  const texts = typeof urls === 'string' ? urls.split(NEXT_URL) : urls
  if (!Array.isArray(texts) || texts.length === 0) {
    throw bad(undefined, `a url of the form ${FORMS}, or an array of them`)
  }
  const addresses = texts.flatMap(parseUrl)
  if (addresses.length > SERVERS_MAX) throw bad(undefined, `at most ${SERVERS_MAX} servers`)
  if (new Set(addresses.map(({ display }) => display)).size < addresses.length)
    throw bad('host', 'each server once')
  return addresses
}

function parseUrl(text: string): readonly MemcachedAddress[] {
  const parts = splitServerUrl(text, PROTOCOLS, FORMS, bad)
  if (parts.credentials !== undefined && parts.credentials.reveal().user === undefined) {
    throw bad('user', 'one, before the password')
  }
  if (parts.protocol === 'memcached+unix') return [parseUnix(parts)]
  // With a comma that is not encoded they may be those of another host, and its host a part of them.
  const beforeHost = text.slice(0, text.lastIndexOf('@') + 1)
  if (beforeHost.includes(','))
    throw bad('credentials', '"," to be percent-encoded (%2C), or a url for each server')
  return `${parts.host}${parts.tail}`.split(',').map((host) => parseHost(host, parts))
}

function parseHost(text: string, { protocol, credentials }: ServerUrlParts): MemcachedAddress {
  const end = text.search(/[/?#]/)
  const tail = end < 0 ? '' : text.slice(end)
  const { host, port } = readHostAndPort(end < 0 ? text : text.slice(0, end), DEFAULT_PORT, bad)
  const endpoint: Endpoint = { transport: protocol === 'memcacheds' ? 'tls' : 'tcp', host, port }
  const display = `${protocol}://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return { endpoint, credentials, weight: parseWeight(tail.replace(/^\//, '')), display }
}

function parseUnix({ credentials, host, tail }: ServerUrlParts): MemcachedAddress {
  if (host !== '') throw bad('host', 'none before the path of a unix socket (three slashes)')
  const question = tail.indexOf('?')
  const path = readSocketPath(question < 0 ? tail : tail.slice(0, question), bad)
  const weight = parseWeight(question < 0 ? '' : tail.slice(question))
  return {
    endpoint: { transport: 'unix', path },
    credentials,
    weight,
    display: `memcached+unix://${encodeURI(path)}`,
  }
}

function parseWeight(query: string): number {
  if (query === '') return 1
  const text = /^\?weight=(?<weight>\d{1,5})$/.exec(query)?.groups?.weight
  if (text === undefined) throw bad('query', '"?weight=n" and nothing else: options are given in code')
  const weight = Number(text)
  if (weight < 1 || weight > WEIGHT_MAX) throw bad('weight', `a whole number from 1 to ${WEIGHT_MAX}`)
  return weight
}
