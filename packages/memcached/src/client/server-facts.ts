import { CacheError, show } from 'holdfast/contracts'

/** What a server said of itself when the connection was made. */
export interface MemcachedFacts {
  readonly version: string
  readonly pid: number
  /** When it was started, by its own clock, to a second or two. */
  readonly startedAtMs: number
  /** A value is refused by the server (and the old one is gone) beyond this, item header and key included. */
  readonly itemBytesMax: number
  readonly memoryBytesMax: number
  /** It makes room by evicting; false (-M): it refuses what it has no room for. */
  readonly evicts: boolean
  /** It keeps its items in a file (-e), and may find them again when it is restarted. */
  readonly keepsData: boolean
  /** `E`: the client says what the cas shall be (1.6.27 or newer). */
  readonly hasExplicitCas: boolean
  /** `mg C`: a value that has not changed is not sent (1.6.40 or newer). */
  readonly hasConditionalGet: boolean
}

/** The fields of a `stats` reply by name. */
export type Statistics = ReadonlyMap<string, string>

// How it says that there is none.
const NO_FILE = '(null)'
const ITEM_BYTES_MAX_DEFAULT = 1024 * 1024
const NEEDED = 'Holdfast needs a Memcached with the meta protocol (it is tested with 1.6.18 and 1.6.45)'

/** The error of a server that cannot be used, whatever is tried again. */
export function unsupported(found: string): CacheError {
  return new CacheError('l2_unsupported', `${found}: ${NEEDED}`, { tier: 'l2' })
}

/** Facts from the replies to `stats` and `stats settings`, and what probes have found. Throws `l2_unsupported`. */
export function readServerFacts(
  stats: Statistics,
  settings: Statistics,
  probed: Pick<MemcachedFacts, 'hasExplicitCas' | 'hasConditionalGet'>,
): MemcachedFacts {
  const version = stats.get('version') ?? ''
  const found = `the server is memcached ${show(version).slice(1, -1)}`
  const number = (name: string): number => {
    const value = Number(stats.get(name) ?? NaN)
    if (!Number.isFinite(value)) throw unsupported(`${found} and does not say its ${name}`)
    return value
  }
  if (settings.get('cas_enabled') === 'no')
    throw unsupported(`${found} without cas (-C), which leases are made of`)
  return {
    version,
    pid: number('pid'),
    startedAtMs: (number('time') - number('uptime')) * 1000,
    itemBytesMax: Number(settings.get('item_size_max') ?? ITEM_BYTES_MAX_DEFAULT),
    memoryBytesMax: number('limit_maxbytes'),
    evicts: settings.get('evictions') !== 'off',
    keepsData: (settings.get('memory_file') ?? NO_FILE) !== NO_FILE,
    ...probed,
  }
}
