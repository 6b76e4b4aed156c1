import { type Credentials, type HandshakeLink, HandshakeRefused } from '@holdfast/wire'
import { CacheError } from 'holdfast/contracts'
import { RedisReplyError } from './reply-error.ts'
import { encodeCommand, type RespArgument } from './resp-encode.ts'
import type { RespValue } from './resp-value.ts'
import { parseInfo, readServerFacts, type ServerFacts, unsupported } from './server-facts.ts'
import type { ServerTime } from './server-time.ts'

type Answer = PromiseSettledResult<RespValue>

/** Which keys that this connection has read the server pushes when they change: all, those asked for, or none. */
export type Tracking = 'all' | 'asked' | 'off'

const TRACKING_COMMANDS: Readonly<Record<Tracking, readonly (readonly string[])[]>> = {
  all: [['CLIENT', 'TRACKING', 'ON']],
  // CACHING is tried out: tokens that are held and never pushed would be the end of every promise.
  asked: [
    ['CLIENT', 'TRACKING', 'ON', 'OPTIN'],
    ['CLIENT', 'CACHING', 'YES'],
  ],
  off: [],
}

/** What every new connection is set up with. */
export interface HandshakeSettings {
  readonly credentials: Credentials | undefined
  readonly clientName: string
  readonly db: number
  readonly tracking: Tracking
}

/**
 * Sets up a new connection in one round trip: RESP3, user, name, database, the server's facts and time, and tracking
 * (default mode: no BCAST, NOLOOP or REDIRECT, which lose the order of pushes and replies).
 * Throws HandshakeRefused where trying again will hardly help; other errors pass.
 */
export async function shakeHands(
  link: HandshakeLink<RespValue>,
  settings: HandshakeSettings,
  time: ServerTime,
): Promise<ServerFacts> {
  const ask = (...args: RespArgument[]): Promise<RespValue> => link.send(encodeCommand(args), { by: link.by })
  const auth = authArguments(settings.credentials)
  const [hello, ...rest] = await Promise.allSettled([
    ask('HELLO', 3, ...auth, 'SETNAME', settings.clientName),
    ask('INFO', 'server'),
    ask('INFO', 'replication'),
    ask('INFO', 'persistence'),
    time.ask(link, link.by).then(() => null),
    ...(settings.db === 0 ? [] : [ask('SELECT', settings.db)]),
    ...TRACKING_COMMANDS[settings.tracking].map((command) => ask(...command)),
  ])
  if (hello.status === 'rejected') throw helloError(hello.reason)
  const facts = checkServer(hello.value, [rest[0], rest[1]], settings.credentials)
  for (const answer of rest) {
    if (answer.status === 'rejected') throw setupError(answer.reason)
  }
  // What a replica loads is of no use here anyway.
  if (facts.role === 'master' && infoOf(rest[2]).get('loading') === '1') {
    throw new CacheError('l2_unavailable', 'the server is loading its data', { tier: 'l2', retryable: true })
  }
  return facts
}

function authArguments(credentials: Credentials | undefined): readonly string[] {
  if (credentials === undefined) return []
  const { user = 'default', password } = credentials.reveal()
  return ['AUTH', user, password]
}

/** Before anything else is judged: an old server or a cluster may fail the rest of the handshake too. */
function checkServer(
  hello: RespValue,
  sections: readonly (Answer | undefined)[],
  credentials: Credentials | undefined,
): ServerFacts {
  const words = (text: string): string => credentials?.scrub(text) ?? text
  try {
    return readServerFacts(hello, new Map(sections.flatMap((section) => [...infoOf(section)])), words)
  } catch (error) {
    throw error instanceof CacheError ? new HandshakeRefused(error) : error
  }
}

function infoOf(section: Answer | undefined): ReadonlyMap<string, string> {
  return parseInfo(section?.status === 'fulfilled' ? section.value : null)
}

// The server's own words are left out: to a HELLO that it does not know it answers with its arguments, and the
// password is one of them.
function helloError(error: unknown): unknown {
  if (!(error instanceof RedisReplyError)) return error
  const { prefix } = error
  if (prefix === 'WRONGPASS') return refused(prefix, 'the server does not accept this user and password')
  if (prefix === 'NOAUTH') return refused(prefix, 'the server asks for a password, and none was given')
  if (prefix === 'NOPERM') return refused(prefix, 'the user may not run HELLO or CLIENT SETNAME')
  if (prefix === 'DENIED')
    return refused(prefix, 'the server is in protected mode: it asks for a password or a bind')
  if (prefix === 'NOPROTO' || error.message.includes('unknown command')) {
    return new HandshakeRefused(unsupported('the server does not know HELLO 3'))
  }
  return new RedisReplyError(prefix, `the server answered HELLO with an error (${prefix})`)
}

function setupError(error: unknown): unknown {
  return error instanceof RedisReplyError && !error.retryable ? new HandshakeRefused(error) : error
}

function refused(prefix: string, text: string): HandshakeRefused {
  return new HandshakeRefused(new RedisReplyError(prefix, `${text} (${prefix})`))
}
