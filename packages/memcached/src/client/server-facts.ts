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
  /** Whoever reaches it may do everything: it asks nobody for a password (-Y). false: it does, or does not say. */
  readonly isOpen: boolean
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
// The oldest that is tested. Those from 1.6.10 on speak the meta protocol too, and may differ in it.
const OLDEST = [1, 6, 18] as const
const NEEDED = `Holdfast needs Memcached ${OLDEST.join('.')} or newer`

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
  if (isTooOld(version)) throw unsupported(found)
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
    isOpen: settings.get('auth_enabled_ascii') === 'no',
    ...probed,
  }
}

/** A version that is no three numbers is of a relative, of which the probes have to tell. */
function isTooOld(version: string): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? OLDEST
  const first = OLDEST.findIndex((number, i) => number !== numbers[i])
  return first >= 0 && (numbers[first] ?? 0) < (OLDEST[first] ?? 0)
}
