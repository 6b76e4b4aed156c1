import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pinnedPeers } from './pinned-peers.ts'

const FOLDER = join(import.meta.dirname, '..')

/** Installs the pinned peers where they are missing; what is wrong with that, if anything. */
export function installPeers(tell: (line: string) => void): string | undefined {
  const names = Object.keys(pinnedPeers('dependencies'))
  if (names.every((name) => existsSync(join(FOLDER, 'node_modules', name)))) return undefined
  tell('installing the pinned peers: npm ci --prefix bench')
  const ran = spawnSync('npm', ['ci', '--prefix', FOLDER, '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (ran.status === 0) return undefined
  return `npm ci --prefix bench failed, peers may be missing: ${(ran.error?.message ?? ran.stderr).trim()}`
}
