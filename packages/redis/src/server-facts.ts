import { CacheError, show } from 'holdfast/contracts'
import type { RespValue } from './resp-value.ts'

/** The primary of a replica, as the replica reaches it. */
export interface NamedPrimary {
  readonly host: string
  readonly port: number
  /** The replication id that it has; undefined: the replica is not in step with it now. */
  readonly history: string | undefined
}

/** What a server said of itself in the handshake. */
export interface ServerFacts {
  readonly server: 'redis' | 'valkey'
  readonly version: string
  /** Another one after each start of the server. */
  readonly runId: string
  readonly role: 'master' | 'replica'
  /** The replication ids of its data: the present one, which changes with each promotion, and the one before. */
  readonly histories: readonly string[]
  /** Of a replica, where it names one. */
  readonly primary: NamedPrimary | undefined
}

const NEEDED = 'Holdfast needs one standalone Redis 7.0 or newer, or Valkey 7.2 or newer'
const VERSION_MIN = { redis: [7, 0], valkey: [7, 2] } as const

/** The error of a server that cannot be used, whatever is tried again. */
export function unsupported(found: string): CacheError {
  return new CacheError('l2_unsupported', `${found}: ${NEEDED}`, { tier: 'l2' })
}

/** The fields of an INFO reply. */
export function parseInfo(reply: RespValue): ReadonlyMap<string, string> {
  const text = typeof reply === 'string' || Buffer.isBuffer(reply) ? reply.toString() : ''
  const fields = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/**
 * The facts, from the replies to HELLO and INFO (sections server and replication). Throws `l2_unsupported` for a cluster, a sentinel or a
 * version that lacks what the protocol is built on. `words` makes what messages repeat of the server fit to be shown.
 */
export function readServerFacts(
  hello: RespValue,
  info: ReadonlyMap<string, string>,
  words: (text: string) => string = (text) => text,
): ServerFacts {
  const greeting = hello instanceof Map ? hello : new Map<RespValue, RespValue>()
  const field = (name: string): string => String(greeting.get(name) ?? '')
  const valkeyVersion = info.get('valkey_version')
  const server = valkeyVersion === undefined ? 'redis' : 'valkey'
  const version = words(valkeyVersion ?? info.get('redis_version') ?? field('version'))
  const mode = words(info.get('redis_mode') ?? info.get('server_mode') ?? field('mode'))
  const found = `${server} ${show(version).slice(1, -1)}`
  if (isOlder(version, VERSION_MIN[server])) throw unsupported(`the server is ${found}`)
  if (mode !== 'standalone') throw unsupported(`the server is ${found} in ${show(mode)} mode`)
  const role = field('role') === 'master' ? 'master' : 'replica'
  return {
    server,
    version,
    runId: info.get('run_id') ?? '',
    role,
    histories: [info.get('master_replid'), info.get('master_replid2')].filter((id) => id !== undefined),
    primary: namedPrimary(info),
  }
}

/** Where the data of a server come from: another text after each start, and after each promotion to primary. */
export function dataOrigin({ runId, histories }: Pick<ServerFacts, 'runId' | 'histories'>): string {
  return `${runId}.${histories[0] ?? ''}`
}

function namedPrimary(info: ReadonlyMap<string, string>): NamedPrimary | undefined {
  const host = info.get('master_host') ?? ''
  const port = Number(info.get('master_port'))
  if (!/^[\w.:-]{1,253}$/.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  const inStep = info.get('master_link_status') === 'up'
  return { host, port, history: inStep ? info.get('master_replid') : undefined }
}

function isOlder(version: string, [majorMin, minorMin]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version)
  if (match === null) return true
  const major = Number(match[1])
  return major < majorMin || (major === majorMin && Number(match[2]) < minorMin)
}
