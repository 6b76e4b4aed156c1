import { arch, cpus, loadavg, platform, totalmem } from 'node:os'
import { pinnedPeers } from './pinned-peers.ts'

/** Where it was measured. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly platform: string
  readonly node: string
  readonly redis: string
  /** undefined: there is none here, or none was asked for. */
  readonly memcached: string | undefined
  /** Pinned versions of the peers, by package. */
  readonly peers: Readonly<Record<string, string>>
}

/** Beyond this load per core others compete for the processor, and numbers are noise. */
const QUIET_LOAD_PER_CORE = 1

/** Facts of this machine. */
export function describeMachine(redisVersion: string, memcachedVersion?: string): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    redis: redisVersion,
    memcached: memcachedVersion,
    peers: { ...pinnedPeers('dependencies'), ...pinnedPeers('optionalDependencies') },
  }
}

/** The machine on one line. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGb, node, redis, memcached } = machine
  const servers = memcached === undefined ? `redis ${redis}` : `redis ${redis}, memcached ${memcached}`
  return `${cores} cores (${cpu}), ${memoryGb} GB, ${machine.platform}, node ${node}, ${servers}`
}

/** The pinned peers, or those that are named, on one line. */
export function peersLine({ peers }: Machine, names: readonly string[] = Object.keys(peers)): string {
  return Object.entries(peers)
    .filter(([name]) => names.includes(name))
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}

/** Processes that wanted a core during the last minute, on average; includes our own. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0
}

/** A warning where the machine is too busy for its numbers to be trusted. */
export function loadWarning(load: number, cores: number): string | undefined {
  if (load <= QUIET_LOAD_PER_CORE * cores) return undefined
  return `the load average is ${load.toFixed(1)} on ${cores} cores: others compete for the processor, so trust ratios only`
}
