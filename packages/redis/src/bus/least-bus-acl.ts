import { invalidArgument } from 'holdfast/contracts'
import { channelOf } from './channel.ts'

/** What the bus sends. AUTH and HELLO are free to everybody. */
const COMMANDS = ['info', 'publish', 'select', 'subscribe', 'time']

/**
 * The least rights that a Redis user needs for the bus, as rules of ACL SETUSER, without a password; beside those of
 * `leastAcl` where one user serves both. With a cache's name (and the database of the bus's URL, if it is not 0) they
 * reach the word of that cache alone. Throws `invalid_argument` for what is no name.
 */
export function leastBusAcl(cacheName?: string, db = 0): readonly string[] {
  return [
    'resetkeys',
    'resetchannels',
    '-@all',
    channelRule(cacheName, db),
    ...COMMANDS.map((name) => `+${name}`),
  ]
}

function channelRule(cacheName: string | undefined, db: number): string {
  if (cacheName === undefined) return '&holdfast:bus:*'
  if (typeof cacheName !== 'string' || cacheName === '') {
    throw invalidArgument('cacheName', 'the name of a cache, or nothing', cacheName)
  }
  return `&${channelOf(db, cacheName.replace(/[[\]*?\\^]/g, '\\$&'))}`
}
