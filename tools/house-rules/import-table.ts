/** Who may import whom: section 2 of the design, as data. */

/** What the package of a folder under packages/ may import besides node: builtins and its own files. */
export const packageImports: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: [],
  redis: ['holdfast/contracts', '@holdfast/wire'],
  memcached: ['holdfast/contracts', '@holdfast/wire'],
  postgres: ['holdfast', 'holdfast/contracts', 'holdfast/events', 'pg', 'pg-logical-replication'],
  prisma: ['holdfast', 'holdfast/contracts', 'holdfast/events', '@prisma/client'],
  drizzle: ['holdfast', 'holdfast/contracts', 'holdfast/events', 'drizzle-orm'],
  observe: ['holdfast/events'],
  cli: ['holdfast', '@holdfast/redis', '@holdfast/memcached', '@holdfast/observe', '@holdfast/dashboard'],
  dashboard: ['@holdfast/observe'],
  testkit: ['holdfast/contracts'],
}

/** Sockets are opened in one place, so that a simulator can run the real code on a network of its own. */
export const socketModules: readonly string[] = ['node:net', 'node:tls', 'node:dgram']
/** They only look at text. */
export const socketFreeNames: readonly string[] = ['isIP', 'isIPv4', 'isIPv6', 'SocketAddress']
export const socketPackages: readonly string[] = ['wire', 'testkit']

/**
 * The layers of core/src, lowest first: a file may import from its own layer and those below. A name is a
 * file without `.ts`, or a folder. The parts of layer 2 do not import each other.
 */
export const coreLayers: readonly (readonly string[])[] = [
  [
    'clock',
    'duration',
    'keys',
    'key-check',
    'errors',
    'without-passwords',
    'entry',
    'call-hook',
    'breaker',
    'invalidation-queue',
    'bus-contract',
  ],
  ['contracts', 'options', 'policy', 'events', 'event-hook', 'stats'],
  ['memory', 'guard', 'invalidation', 'codec', 'bus'],
  ['runtime'],
  ['flow'],
  ['cache', 'cache-arguments', 'collection', 'create-cache'],
  ['index', 'internal'],
]

/** The layer whose members are parts that know nothing of each other. */
export const partsLayer = 2
