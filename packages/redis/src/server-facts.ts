import { CacheError, show } from 'holdfast/contracts'
import type { RespValue } from './resp-value.ts'

/** What a server said of itself in the handshake. */
export interface ServerFacts {
  readonly server: 'redis' | 'valkey'
  readonly version: string
  /** Another one after each start of the server. */
  readonly runId: string
  readonly role: 'master' | 'replica'
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
 * The facts, from the replies to HELLO and INFO. Throws `l2_unsupported` for a cluster, a sentinel or a
 * version that lacks what the protocol is built on.
 */
export function readServerFacts(hello: RespValue, info: ReadonlyMap<string, string>): ServerFacts {
  const greeting = hello instanceof Map ? hello : new Map<RespValue, RespValue>()
  const field = (name: string): string => String(greeting.get(name) ?? '')
  const valkeyVersion = info.get('valkey_version')
  const server = valkeyVersion === undefined ? 'redis' : 'valkey'
  const version = valkeyVersion ?? info.get('redis_version') ?? field('version')
  const mode = info.get('redis_mode') ?? info.get('server_mode') ?? field('mode')
  const found = `${server} ${show(version).slice(1, -1)}`
  if (isOlder(version, VERSION_MIN[server])) throw unsupported(`the server is ${found}`)
  if (mode !== 'standalone') throw unsupported(`the server is ${found} in ${show(mode)} mode`)
  const role = field('role') === 'master' ? 'master' : 'replica'
  return { server, version, runId: info.get('run_id') ?? '', role }
}

function isOlder(version: string, [majorMin, minorMin]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version)
  if (match === null) return true
  const major = Number(match[1])
  return major < majorMin || (major === majorMin && Number(match[2]) < minorMin)
}
