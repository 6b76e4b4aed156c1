import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { memcached } from '@holdfast/memcached'
import { redis } from '@holdfast/redis'
import { CacheError } from 'holdfast'

/** What this start was asked for. */
export interface Settings {
  readonly mode: 'serve' | 'fleet' | 'storm' | 'race' | 'help'
  /** 0 takes any free port. */
  readonly port: number
  /** Requests per second that the traffic aims for; 0 turns it off. */
  readonly trafficPerSecond: number
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  /** One server or several, with commas between them. */
  readonly memcachedUrl: string | undefined
  /** Where the embedded database keeps its data. */
  readonly dataFolder: string
}

/** A mistake in the command line or the environment: shown without a stack. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

const PORT_DEFAULT = 4400
const TRAFFIC_DEFAULT = 2_000
const TRAFFIC_MAX = 20_000
// The example's own folder, ignored by git.
const DATA_FOLDER_DEFAULT = fileURLToPath(new URL('../.data', import.meta.url))
const MODES = ['fleet', 'storm', 'race', 'help'] as const

/** The text of --help. */
export const USAGE = `npm start -- [flags]
  (none)         one node, and traffic
  --fleet        a redis-server, two nodes that keep each other right, and traffic
  --storm        a hot city expires under 500 callers: cache-aside by hand beside Holdfast
  --race         cities are read and written at once: cache-aside by hand beside Holdfast
  --traffic <n>  requests per second to aim for, 0 to ${TRAFFIC_MAX} (default ${TRAFFIC_DEFAULT})
  --help         this text
From the environment: PORT (default ${PORT_DEFAULT}); given servers: DATABASE_URL, REDIS_URL, MEMCACHED_URL (one or
several with commas between them; with REDIS_URL beside it, Redis carries the word of writes from node to node); ATLAS_DATA
(folder of the embedded database). --storm and --race compare over a Redis, and leave MEMCACHED_URL alone.`

/** Reads flags and environment; throws a SettingsError that names what is wrong. */
export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const flags = parseFlags(args)
  const modes = MODES.filter((mode) => flags[mode] === true)
  if (modes.length > 1) throw new SettingsError(`--${modes[0]} and --${modes[1]}: one of them at a time`)
  return {
    mode: modes[0] ?? 'serve',
    port: wholeNumber('PORT', env.PORT, PORT_DEFAULT, 65_535),
    trafficPerSecond: wholeNumber('--traffic', flags.traffic, TRAFFIC_DEFAULT, TRAFFIC_MAX),
    databaseUrl: url('DATABASE_URL', env.DATABASE_URL, ['postgres:', 'postgresql:']),
    redisUrl: redisUrl(env.REDIS_URL),
    memcachedUrl: memcachedUrl(env.MEMCACHED_URL),
    dataFolder: resolve(env.ATLAS_DATA || DATA_FOLDER_DEFAULT),
  }
}

function parseFlags(args: readonly string[]): ReturnType<typeof parse> {
  try {
    return parse(args)
  } catch (error) {
    // Its second sentence explains '--' as a separator, which nobody meant.
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new SettingsError(`${reason}\n\n${USAGE}`)
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      fleet: { type: 'boolean' },
      storm: { type: 'boolean' },
      race: { type: 'boolean' },
      help: { type: 'boolean' },
      traffic: { type: 'string' },
    },
  }).values
}

function wholeNumber(name: string, text: string | undefined, fallback: number, max: number): number {
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= max) return value
  throw new SettingsError(`${name}: expected a whole number from 0 to ${max}, got ${JSON.stringify(text)}`)
}

// The text of a URL is never repeated: it may hold a password.
function url(name: string, text: string | undefined, protocols: readonly string[]): string | undefined {
  if (text === undefined || text === '') return undefined
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text
  throw new SettingsError(`${name}: expected a URL that begins with ${protocols.join('// or ')}//`)
}

function redisUrl(text: string | undefined): string | undefined {
  const found = url('REDIS_URL', text, ['redis:', 'rediss:'])
  if (found !== undefined) asTheCacheReads('REDIS_URL', () => redis(found))
  return found
}

/** Its several hosts are none for URL. */
function memcachedUrl(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^memcached(s|\+unix)?:\/\/./.test(text)) {
    throw new SettingsError(
      'MEMCACHED_URL: expected one or more of memcached://host:port, with commas between them',
    )
  }
  asTheCacheReads('MEMCACHED_URL', () => memcached(text))
  return text
}

/** What else is wrong with a URL the adapter says, in the same words, before anything is started. */
function asTheCacheReads(name: string, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    throw error instanceof CacheError ? new SettingsError(`${name}: ${error.message}`) : error
  }
}
