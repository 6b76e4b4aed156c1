import { isIPv6 } from 'node:net'
import { type Connect, transportWarning } from '@holdfast/wire'
import { invalidArgument, invalidUnquoted, type StoreDefinition } from 'holdfast/contracts'
import { canonicalEndpoint } from './canonical-endpoint.ts'
import type { IslandRules } from './island/island-rules.ts'
import type { MemcachedOptions } from './memcached-options.ts'
import { elastiCache } from './servers/elasticache.ts'
import { type ListSource, staticList } from './servers/list-source.ts'
import { memcachedPool } from './servers/memcached-pool.ts'
import type { ListedServer, PlacementName } from './servers/placement.ts'
import type { PoolRules } from './servers/pool-rules.ts'
import { type MemcachedAddress, parseMemcachedUrls } from './url.ts'

/** What a check may replace. */
export interface MemcachedParts {
  readonly island?: Partial<IslandRules> | undefined
  readonly pool?: Partial<PoolRules> | undefined
  readonly connect?: Connect | undefined
}

const MEND = 'use memcacheds://, or say that it is meant: memcached(url, { tls: false })'

const PLACEMENTS: readonly PlacementName[] = ['ketama', 'ketama-unweighted', 'rendezvous']

/** `memcached`, with some of its parts replaced: for checks that switch a rule off. */
export function memcachedWith(
  urls: string | readonly string[],
  options: MemcachedOptions,
  parts: MemcachedParts,
): StoreDefinition {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidUnquoted('memcached options', 'an object, e.g. { tls: false }', options)
  }
  const { tls, placement = 'ketama', gutter = [], discovery, ...unknown } = options
  for (const name of Object.keys(unknown)) {
    throw invalidArgument('memcached options', 'tls, placement, gutter or discovery', name)
  }
  if (!PLACEMENTS.includes(placement)) {
    throw invalidArgument('placement', `one of ${PLACEMENTS.join(', ')}`, placement)
  }
  if (discovery !== undefined && discovery !== 'elasticache') {
    throw invalidArgument('discovery', "'elasticache', or nothing", discovery)
  }
  const servers = withTls(parseMemcachedUrls(urls), tls)
  const [first] = servers
  if (first === undefined) throw invalidArgument('urls', 'at least one', urls.length)
  const hasNone = Array.isArray(gutter) && gutter.length === 0
  const standIns = hasNone ? [] : withTls(parseMemcachedUrls(gutter, 'gutter url'), tls)
  checkGutter(standIns, servers)
  if (discovery !== undefined) checkDiscovery(servers, standIns)
  const known = new Map([...servers, ...standIns].map((address) => [textOf(listed(address)), address]))
  const { island, pool, connect } = parts
  return {
    open: (environment) => {
      // Not now: the cache whose logger it goes to is only being made.
      const warning = transportWarning([...servers, ...standIns], { isMeant: tls === false, mend: MEND })
      if (warning !== undefined) queueMicrotask(() => environment.log('warn', `L2 ${warning}`))
      const source: ListSource =
        discovery === undefined
          ? staticList(servers.map(listed))
          : elastiCache(first.endpoint, {
              clock: environment.clock,
              ...(connect === undefined ? {} : { connect }),
            })
      return memcachedPool({
        source: { ...source, address: describe(servers, standIns, discovery) },
        placement,
        gutter: standIns.map(listed),
        addressOf: (server) => known.get(textOf(server)) ?? nodeOf(first, server),
        ...(connect === undefined ? {} : { connect }),
        ...(pool === undefined ? {} : { rules: pool }),
        ...(island === undefined ? {} : { islandRules: island }),
      }).open(environment)
    },
  }
}

function checkGutter(standIns: readonly MemcachedAddress[], servers: readonly MemcachedAddress[]): void {
  const listed = new Set(servers.map(({ endpoint }) => canonicalEndpoint(endpoint)))
  const known = standIns.find(({ endpoint }) => listed.has(canonicalEndpoint(endpoint)))
  if (known === undefined) return
  throw invalidArgument('gutter', 'servers beside those of the list', known.display)
}

function checkDiscovery(servers: readonly MemcachedAddress[], standIns: readonly MemcachedAddress[]): void {
  const [first] = servers
  if (servers.length !== 1 || first === undefined || isUnix(first))
    throw invalidArgument('discovery', 'one url, of the configuration endpoint', servers.length)
  if (first.weight !== 1)
    throw invalidArgument('discovery', 'a url without weight: the nodes have one each', first.weight)
  // The cluster may get a node of that name, which would be reached as the gutter is.
  const open = standIns.find(({ endpoint }) => endpoint.transport === 'tcp')
  if (first.endpoint.transport === 'tls' && open !== undefined) {
    const expected = 'memcacheds:// urls beside a configuration endpoint that is one'
    throw invalidArgument('gutter', expected, open.display)
  }
}

/** What the first line shows, and what messages about the whole begin with. */
function describe(
  servers: readonly MemcachedAddress[],
  standIns: readonly MemcachedAddress[],
  discovery: MemcachedOptions['discovery'],
): string {
  const source = discovery === undefined ? '' : ` (${discovery})`
  const gutter = standIns.length === 0 ? '' : `, gutter ${displayOf(standIns)}`
  return `${displayOf(servers)}${source}${gutter}`
}

/** The displays of several as one URL or more: each names its scheme where it is another than that of the one before. */
function displayOf(addresses: readonly MemcachedAddress[]): string {
  const schemeOf = (display: string) => display.slice(0, display.indexOf('://') + 3)
  const shown = addresses.map(({ display }, i) => {
    const scheme = schemeOf(display)
    const isSame = scheme === schemeOf(addresses[i - 1]?.display ?? '')
    return isSame ? display.slice(scheme.length) : display
  })
  return shown.join(',')
}

/** A server as its place is found by it. */
function listed({ endpoint, weight }: MemcachedAddress): ListedServer {
  return endpoint.transport === 'unix'
    ? { host: endpoint.path, port: 0, weight }
    : { host: endpoint.host, port: endpoint.port, weight }
}

function textOf({ host, port }: ListedServer): string {
  return `${host}:${port}`
}

function isUnix({ endpoint }: MemcachedAddress): boolean {
  return endpoint.transport === 'unix'
}

/** A node that a configuration endpoint names is reached as that was: in the same way, by the same user. */
function nodeOf(
  { endpoint, credentials, display }: MemcachedAddress,
  { host, port, weight }: ListedServer,
): MemcachedAddress {
  if (endpoint.transport === 'unix') throw invalidArgument('discovery', 'a host', display)
  const scheme = display.slice(0, display.indexOf(':'))
  return {
    endpoint: { ...endpoint, host, port },
    credentials,
    weight,
    display: `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`,
  }
}

/** The addresses with these settings. Throws `invalid_argument` where they contradict a URL. */
function withTls(addresses: readonly MemcachedAddress[], tls: unknown): readonly MemcachedAddress[] {
  if (tls === undefined) return addresses
  const areTls = addresses.map(({ endpoint }) => endpoint.transport === 'tls')
  if (tls === false) {
    if (!areTls.includes(true)) return addresses
    throw invalidArgument('tls', 'settings or nothing for a memcacheds:// url', tls)
  }
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls))
    throw invalidUnquoted('tls', 'TLS settings, or false', tls)
  if (areTls.includes(false)) throw invalidArgument('tls', 'memcacheds:// urls for TLS settings', tls)
  return addresses.map((address) => {
    const { endpoint } = address
    return endpoint.transport === 'tls' ? { ...address, endpoint: { ...endpoint, tls } } : address
  })
}
