import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import { Credentials } from './credentials.ts'

/**
 * Makes the error of a URL that is none. Only the part is named (undefined: the whole) and never its text: where a URL is
 * malformed, any piece of it may be the password.
 */
export type BadUrl = (part: string | undefined, expected: string) => Error

/** A URL in its pieces, of which the credentials are read. */
export interface ServerUrlParts {
  /** In lower case, without `://`. */
  readonly protocol: string
  readonly credentials: Credentials | undefined
  /** What stands between the credentials and the first `/`, `?` or `#`. */
  readonly host: string
  /** The rest, from that character on. */
  readonly tail: string
}

// sockaddr_un holds 108 bytes, the last of them NUL.
const UNIX_PATH_BYTES_MAX = 107
const URL_CHARS_MAX = 4096

/** What URLs are taken. */
export interface ServerUrlForms {
  /** In lower case. */
  readonly protocols: readonly string[]
  /** In words: what is expected where it is of another protocol. */
  readonly forms: string
  /** Default 4096. */
  readonly charsMax?: number
}

/**
 * Splits a server's URL. User and password are percent-decoded; an unencoded `@` in a password is understood (the last
 * one wins), an unencoded `/`, `?` or `#` is refused.
 */
export function splitServerUrl(
  text: string,
  { protocols, forms, charsMax = URL_CHARS_MAX }: ServerUrlForms,
  bad: BadUrl,
): ServerUrlParts {
  if (typeof text !== 'string') throw bad(undefined, `text of the form ${forms}`)
  if (text === '') throw bad(undefined, `${protocols[0]}://…, got an empty string: is the variable set?`)
  if (text.length > charsMax) throw bad(undefined, `at most ${charsMax} characters`)
  if (hasControl(text) || /\s/.test(text))
    throw bad(undefined, 'no control characters, line breaks or spaces')
  const protocolEnd = text.indexOf('://')
  const protocol = text.slice(0, Math.max(0, protocolEnd)).toLowerCase()
  if (!protocols.includes(protocol)) throw bad('protocol', forms)
  const rest = text.slice(protocolEnd + 3)
  const authorityEnd = rest.search(/[/?#]/)
  const authority = authorityEnd < 0 ? rest : rest.slice(0, authorityEnd)
  const tail = authorityEnd < 0 ? '' : rest.slice(authorityEnd)
  if (tail.includes('@'))
    throw bad('credentials', '"/", "?", "#" and "@" to be percent-encoded (%2F %3F %23 %40)')
  const at = authority.lastIndexOf('@')
  const credentials = at < 0 ? undefined : readCredentials(authority.slice(0, at), bad)
  return { protocol, credentials, host: authority.slice(at + 1), tail }
}

/** Reads `host`, `host:port`, or an IPv6 address in brackets with or without a port. */
export function readHostAndPort(
  text: string,
  defaultPort: number,
  bad: BadUrl,
): { readonly host: string; readonly port: number } {
  // Where it ends and the port begins cannot be seen.
  if (isIPv6(text) || isIPv6(text.replace(/:\d+$/, '')))
    throw bad('host', 'an IPv6 address in brackets: "[…]", then ":port"')
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>.*))?$/s.exec(text)
  if (match === null)
    throw bad('host', 'a name, an IPv4 address or an IPv6 address in brackets, then ":port"')
  const { v6, name, port } = match.groups ?? {}
  if (v6 !== undefined && !isIPv6(v6)) throw bad('host', 'an IPv6 address in brackets')
  return {
    host: v6 ?? readName(name ?? '', bad),
    port: port === undefined ? defaultPort : readPort(port, bad),
  }
}

/** Reads the path of a unix socket, percent-encoded. */
export function readSocketPath(text: string, bad: BadUrl): string {
  const path = percentDecode('path', text, bad)
  if (path.length < 2 || path.includes('#')) throw bad('path', 'the absolute path of a unix socket')
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) throw bad('path', `at most ${UNIX_PATH_BYTES_MAX} bytes`)
  return path
}

function readCredentials(text: string, bad: BadUrl): Credentials | undefined {
  const colon = text.indexOf(':')
  if (colon < 0) throw bad('credentials', '"user:password" or ":password" before the "@"')
  const user = percentDecode('user', text.slice(0, colon), bad)
  const password = percentDecode('password', text.slice(colon + 1), bad)
  if (user === '' && password === '') return undefined
  return new Credentials(user === '' ? undefined : user, password)
}

function readName(name: string, bad: BadUrl): string {
  if (name === '') throw bad('host', 'a host name or address')
  // An international name is asked for, and shown, in its ASCII form.
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name)
  if (ascii.length > 253 || !/^[\w-]+(\.[\w-]+)*\.?$/.test(ascii))
    throw bad('host', 'a name of letters, digits, ".", "-" and "_"')
  return ascii
}

function readPort(text: string, bad: BadUrl): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw bad('port', 'a whole number from 1 to 65535')
  return port
}

function percentDecode(part: string, text: string, bad: BadUrl): string {
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
