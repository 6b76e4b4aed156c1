import { invalidArgument } from 'holdfast/contracts'

/** What the adapter sends, and what its scripts call. AUTH and HELLO are free to everybody. */
const COMMANDS = [
  // The connection.
  ...['client|caching', 'client|tracking', 'dbsize', 'info', 'script|load', 'select', 'time'],
  // Values, tokens and leases.
  ...['del', 'eval', 'evalsha', 'exists', 'get', 'getrange', 'mget', 'pexpire', 'pttl', 'set', 'setrange'],
  ...['touch', 'unlink'],
  // Quarantines.
  ...['zadd', 'zcount', 'zrem', 'zremrangebyscore'],
]

// Kinds of names: names.ts.
const KINDS = '[vlqxtnei]'
// Names of a cache and of a namespace have up to 512 characters, and each may be escaped.
const LENGTH_DIGITS_MAX = 4

// Of processes with failover 'replay', which belong to no namespace.
const BEACONS = '~i:{0:*'

/**
 * The least rights that a Redis user needs, as rules of ACL SETUSER, without a password: `ACL SETUSER shop on >… `
 * followed by these. With a cache's name they reach that cache and its namespaces alone. docs/operate/redis.md. Throws
 * `invalid_argument` for what is no name.
 */
export function leastAcl(cacheName?: string): readonly string[] {
  return [
    'resetkeys',
    'resetchannels',
    '-@all',
    ...keyRules(cacheName),
    ...COMMANDS.map((name) => `+${name}`),
  ]
}

function keyRules(cacheName: string | undefined): readonly string[] {
  if (cacheName === undefined) return [`~${KINDS}:{*`]
  // No name would be a rule that reaches every cache.
  if (typeof cacheName !== 'string' || cacheName === '') {
    throw invalidArgument('cacheName', 'the name of a cache, or nothing', cacheName)
  }
  const name = cacheName.replace(/[\\/]/g, '\\$&')
  const pattern = name.replace(/[[\]*?\\^]/g, '\\$&')
  // The length tells the cache's own names from others that begin alike; for its namespaces the separator does.
  const rules = [`~${KINDS}:{${name.length}:${pattern}*`, BEACONS]
  for (let digits = 1; digits <= LENGTH_DIGITS_MAX; digits++) {
    rules.push(`~${KINDS}:{${'[0-9]'.repeat(digits)}:${pattern}/*`)
  }
  return rules
}
