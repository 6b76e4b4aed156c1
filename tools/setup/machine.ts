import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  globSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { delimiter } from 'node:path'

/** What the set-up asks of a computer. Tests pass one of their own. */
export interface Machine {
  readonly isRoot: boolean
  variable(name: string): string | undefined
  /** The folders of PATH, then those that match `pattern`, the highest version first. */
  folders(pattern: string | undefined): readonly string[]
  isExecutable(path: string): boolean
  /** Whether anything listens on this port of 127.0.0.1. */
  isListening(port: number): Promise<boolean>
  /** Runs a command with its output on the terminal's error stream; true when it ended well. */
  run(command: readonly string[]): boolean
  /** Runs `install` while the system is told to start no service. */
  withoutServices<T>(install: () => T): T
}

const LISTENING_ANSWER_MS = 1000
// Numbers in names count as numbers: 15 is above 9.
const byVersion = new Intl.Collator('en', { numeric: true })

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: LISTENING_ANSWER_MS })
    const answer = (listening: boolean): void => {
      socket.destroy()
      resolve(listening)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })
}

// Debian's hook: invoke-rc.d and deb-systemd-invoke start nothing while it exits with 101.
const POLICY = '/usr/sbin/policy-rc.d'
const POLICY_KEPT = `${POLICY}.kept-by-holdfast-setup`

function withoutServices<T>(install: () => T): T {
  const hasOwnPolicy = existsSync(POLICY)
  if (hasOwnPolicy) renameSync(POLICY, POLICY_KEPT)
  try {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
    chmodSync(POLICY, 0o755)
    return install()
  } finally {
    if (hasOwnPolicy) renameSync(POLICY_KEPT, POLICY)
    else rmSync(POLICY, { force: true })
  }
}

/** This computer. */
export const systemMachine: Machine = {
  isRoot: process.getuid?.() === 0,
  variable: (name) => process.env[name],
  folders: (pattern) => [
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...(pattern === undefined ? [] : globSync(pattern).sort((a, b) => byVersion.compare(b, a))),
  ],
  isExecutable: isExecutableFile,
  isListening,
  run: ([file = '', ...args]) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    return spawnSync(file, args, { stdio: ['ignore', 2, 2], env }).status === 0
  },
  withoutServices,
}
