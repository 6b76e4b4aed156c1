import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'

const IP = process.env.IP_BIN || 'ip'
const NFT = process.env.NFT_BIN || 'nft'
// Where Debian puts them, whatever the PATH of this process says.
const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }

/** What a process needs to make a bad network of its own: unshare (util-linux), ip (iproute2) and nft (nftables). */
const TRIALS: readonly (readonly [string, ...string[]])[] = [
  ['unshare', '--net', 'true'],
  [IP, '-V'],
  [NFT, '-v'],
]

/** Begins the command line of a process with a network namespace of its own, which is gone with its last process. */
export const OWN_NETWORK: readonly string[] = ['unshare', '--net']

/** Why no process can have a network of its own on this machine; undefined: it can. */
export function whyNoOwnNetwork(): string | undefined {
  for (const [program, ...args] of TRIALS) {
    const { error, status, stderr } = spawnSync(program, args, { encoding: 'utf8', env })
    if (error !== undefined) return `${program} is not here (node tools/setup.ts, as root, installs it)`
    if (status !== 0) return `${program}: ${stderr.trim()} (it takes root)`
  }
  return undefined
}

/** Lets this process's own network begin to work: nothing but 127.0.0.1. Throws in a network that it shares. */
export function bringUp(): void {
  const [own, parents] = ['self', process.ppid].map((pid) => readlinkSync(`/proc/${pid}/ns/net`))
  if (own === parents) throw new Error('this process has no network of its own')
  run(IP, ['link', 'set', 'lo', 'up'])
}

/** From now on this share of the packets to and from a port is lost: 0 to 1. */
export function losePackets(port: number, share: number): void {
  const lost = `numgen random mod 1000 < ${Math.round(share * 1000)} drop`
  const rules = ['dport', 'sport'].map((side) => `    tcp ${side} ${port} ${lost}`)
  const chain = [
    '  chain incoming {',
    '    type filter hook input priority 0; policy accept;',
    ...rules,
    '  }',
  ]
  run(NFT, ['-f', '-'], ['flush ruleset', 'table inet loss {', ...chain, '}', ''].join('\n'))
}

function run(program: string, args: readonly string[], input = ''): void {
  const { error, status, stderr } = spawnSync(program, args, { encoding: 'utf8', env, input })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
}
