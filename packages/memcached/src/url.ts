import { isIPv6 } from 'node:net'
import {
  type BadUrl,
  type Credentials,
  type Endpoint,
  readHostAndPort,
  readSocketPath,
  type ServerUrlParts,
  splitServerUrl,
} from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'
import { canonicalEndpoint } from './canonical-endpoint.ts'

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
// A thousand of the longest names in one URL, each with a port and a weight; user and password have what is left over.
const CHARS_MAX = SERVERS_MAX * 300
/** Where one URL ends and another begins; a comma elsewhere separates hosts. */
const NEXT_URL = /,(?=[a-z+]+:\/\/)/i

/**
 * Reads the addresses of one or more servers: `memcached://[user:password@]host[:port]`, `memcacheds://…` (TLS),
 * `memcached+unix:///path`; several URLs in an array or with commas between them, and several hosts in one URL
 * (`memcached://a,b:11212`), which share its credentials. `?weight=n` behind a host (1 to 1000) gives it n shares of the
 * keys. User, password and path are percent-decoded, so that a comma in them is %2C. Throws CacheError
 * `invalid_argument`, which calls them `what`, says what is wrong and repeats nothing of the URL; a server that is named
 * twice, in whatever way it is reached, is a mistake.
 */
export function parseMemcachedUrls(
  urls: string | readonly string[],
  what = 'memcached url',
): readonly MemcachedAddress[] {
  const bad: BadUrl = (part, expected) =>
    new CacheError(
      'invalid_argument',
      `${what}: ${part === undefined ? '' : `${part}: `}expected ${expected}`,
    )
  const texts = typeof urls === 'string' ? [urls] : urls
  if (!Array.isArray(texts) || texts.length === 0) {
    throw bad(undefined, `text of the form ${FORMS}, or an array of it`)
  }
  const addresses = texts.flatMap((text) => parseUrls(text, bad))
  if (addresses.length > SERVERS_MAX) throw bad(undefined, `at most ${SERVERS_MAX} servers`)
  const different = new Set(addresses.map(({ endpoint }) => canonicalEndpoint(endpoint)))
  if (different.size < addresses.length) throw bad('host', 'each server once')
  return addresses
}

function parseUrls(text: unknown, bad: BadUrl): readonly MemcachedAddress[] {
  if (typeof text !== 'string') throw bad(undefined, `text of the form ${FORMS}`)
  return text.split(NEXT_URL).flatMap((url) => parseUrl(url, bad))
}

function parseUrl(text: string, bad: BadUrl): readonly MemcachedAddress[] {
  const parts = splitServerUrl(text, { protocols: PROTOCOLS, forms: FORMS, charsMax: CHARS_MAX }, bad)
  if (parts.credentials !== undefined && parts.credentials.reveal().user === undefined) {
    throw bad('user', 'one, before the password')
  }
  if (parts.protocol === 'memcached+unix') return [parseUnix(parts, bad)]
  // With a comma that is not encoded they may be those of another host, and its host a part of them.
  const beforeHost = text.slice(0, text.lastIndexOf('@') + 1)
  if (beforeHost.includes(','))
    throw bad('credentials', '"," to be percent-encoded (%2C), or a url for each server')
  return `${parts.host}${parts.tail}`.split(',').map((host) => parseHost(host, parts, bad))
}

function parseHost(text: string, { protocol, credentials }: ServerUrlParts, bad: BadUrl): MemcachedAddress {
  const end = text.search(/[/?#]/)
  const tail = end < 0 ? '' : text.slice(end)
  const { host, port } = readHostAndPort(end < 0 ? text : text.slice(0, end), DEFAULT_PORT, bad)
  const endpoint: Endpoint = { transport: protocol === 'memcacheds' ? 'tls' : 'tcp', host, port }
  const display = `${protocol}://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return { endpoint, credentials, weight: parseTail(tail, bad), display }
}

function parseUnix({ credentials, host, tail }: ServerUrlParts, bad: BadUrl): MemcachedAddress {
  if (host !== '') throw bad('host', 'none before the path of a unix socket (three slashes)')
  const question = tail.indexOf('?')
  const path = readSocketPath(question < 0 ? tail : tail.slice(0, question), bad)
  return {
    endpoint: { transport: 'unix', path },
    credentials,
    weight: question < 0 ? 1 : parseWeight(tail.slice(question), bad),
    display: `memcached+unix://${encodeURI(path)}`,
  }
}

/** The weight that stands behind a host, and that nothing else does. */
function parseTail(tail: string, bad: BadUrl): number {
  if (tail.includes('#')) throw bad('fragment', 'none')
  const question = tail.indexOf('?')
  const path = question < 0 ? tail : tail.slice(0, question)
  if (path !== '' && path !== '/') throw bad('path', 'none: Memcached has no numbered databases')
  return question < 0 ? 1 : parseWeight(tail.slice(question), bad)
}

function parseWeight(query: string, bad: BadUrl): number {
  const text = /^\?weight=(?<weight>[^&]*)$/.exec(query)?.groups?.weight
  if (text === undefined) throw bad('query', '"?weight=n" and nothing else: options are given in code')
  const weight = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (weight < 1 || weight > WEIGHT_MAX) throw bad('weight', `a whole number from 1 to ${WEIGHT_MAX}`)
  return weight
}
