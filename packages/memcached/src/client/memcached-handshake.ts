import { type Credentials, type HandshakeLink, HandshakeRefused } from '@holdfast/wire'
import { CacheError, type Clock, show } from 'holdfast/contracts'
import { askStatistics } from './ask-statistics.ts'
import { mg } from './meta-command.ts'
import { encodeMeta } from './meta-encode.ts'
import { type MetaKey, metaKey } from './meta-key.ts'
import type { MetaReply } from './meta-reply.ts'
import { CLASSIC, type Opaques } from './opaques.ts'
import { MemcachedReplyError } from './reply-error.ts'
import type { ServerClock } from './server-clock.ts'
import { type MemcachedFacts, readServerFacts, unsupported } from './server-facts.ts'

/** Who asks, and what keeps what is learnt. */
export interface HandshakeParts {
  readonly credentials: Credentials | undefined
  readonly clock: Clock
  readonly serverClock: ServerClock
  readonly opaques: Opaques
}

// Of no entry: their names begin with one letter and a colon. An item of it is empty, and gone after two seconds.
const PROBE = metaKey('holdfast:probe')
// Binary, so that it asks for base64 too; never stored.
const ABSENT = metaKey('holdfast probe')
const PROBE_CAS = 7
const TOO_MANY = /too many open connections/i

/**
 * Sets up a new connection in two round trips: the user (a server that wants one answers nothing before, and may hang up
 * on more), then the server's facts, its time, and what it knows of the protocol. Throws HandshakeRefused where trying
 * again will hardly help; other errors pass.
 */
export async function shakeHands(
  link: HandshakeLink<MetaReply>,
  { credentials, clock, serverClock, opaques }: HandshakeParts,
): Promise<MemcachedFacts> {
  await introduce(link, credentials)
  const sentAt = clock.now()
  const probe = (key: MetaKey, flags: string): Promise<MetaReply | undefined> => {
    const mark = opaques.take(1)
    return link.send(encodeMeta(mg(key, flags), mark), { by: link.by, mark }).catch(nothingIfRefused)
  }
  const [stats, settings, absent, explicit, conditional] = await Promise.all([
    askStatistics(link, '', link.by, (fields) => serverClock.sample(fields, sentAt)),
    askStatistics(link, 'settings', link.by),
    probe(ABSENT, 'v'),
    probe(PROBE, `N2 E${PROBE_CAS} c`),
    probe(PROBE, `C${PROBE_CAS} v c`),
  ])
  const version = stats.get('version') ?? ''
  const shown = new Map(stats).set('version', credentials?.scrub(version) ?? version)
  try {
    if (absent?.code !== 'EN')
      throw unsupported(`the server is memcached ${show(shown.get('version')).slice(1, -1)}`)
    return readServerFacts(shown, settings, {
      hasExplicitCas: explicit !== undefined,
      hasConditionalGet: conditional?.code === 'HD',
    })
  } catch (error) {
    throw error instanceof CacheError ? new HandshakeRefused(error) : error
  }
}

/** Says who we are; where nobody is named, finds out whether somebody must be. */
async function introduce(
  link: HandshakeLink<MetaReply>,
  credentials: Credentials | undefined,
): Promise<void> {
  const command = credentials === undefined ? 'version\r\n' : authCommand(credentials)
  try {
    await link.send(command, { by: link.by, mark: CLASSIC })
  } catch (error) {
    throw refusal(error, credentials) ?? error
  }
}

/**
 * Text authentication: the first `set` of a connection. A server that wants none takes it for a set like any other, of a
 * value that has expired before it is stored: the password is left nowhere.
 */
function authCommand(credentials: Credentials): string {
  const { user = '', password } = credentials.reveal()
  const token = Buffer.from(`${user} ${password}`).toString('latin1')
  return `set holdfast:auth 0 -1 ${token.length}\r\n${token}\r\n`
}

function refusal(error: unknown, credentials: Credentials | undefined): HandshakeRefused | undefined {
  if (!(error instanceof MemcachedReplyError) || error.kind === 'SERVER_ERROR') return undefined
  // It says so to whoever comes, whatever was asked; it will take the next one when another has gone.
  if (TOO_MANY.test(error.message)) return undefined
  if (error.kind === 'ERROR')
    return new HandshakeRefused(unsupported('the server does not know its own version'))
  const why =
    credentials === undefined
      ? 'the server asks for a user and a password, and none was given'
      : 'the server does not accept this user and password'
  return new HandshakeRefused(new CacheError('l2_error', why, { tier: 'l2' }))
}

/** A flag that the server does not know is an answer. */
function nothingIfRefused(error: unknown): undefined {
  if (error instanceof MemcachedReplyError) return undefined
  throw error
}
