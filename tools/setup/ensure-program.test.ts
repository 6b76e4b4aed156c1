import { describe, expect, test } from 'vitest'
import { ensureProgram } from './ensure-program.ts'
import type { Machine } from './machine.ts'
import { type Program, programs } from './programs.ts'

const program: Program = {
  name: 'cached',
  executable: 'cached',
  variable: 'CACHED_BIN',
  folders: undefined,
  aptPackage: 'cached-server',
  daemonPort: 7000,
  needed: 'always',
}

interface Given {
  readonly isRoot?: boolean
  readonly variables?: Readonly<Record<string, string>>
  readonly files?: readonly string[]
  /** What an installation puts on the disk. */
  readonly installs?: readonly string[]
  /** Whether an installation leaves a daemon on the port. */
  readonly leavesDaemon?: boolean
  readonly aptFails?: boolean
}

/** A computer in memory, and the commands that were run on it. */
function machineWith(given: Given): { machine: Machine; commands: string[] } {
  const files = new Set(given.files)
  const commands: string[] = []
  let servicesAllowed = true
  let listening = false
  const machine: Machine = {
    isRoot: given.isRoot ?? false,
    variable: (name) => given.variables?.[name],
    folders: () => ['/usr/bin'],
    isExecutable: (path) => files.has(path),
    isListening: async () => listening,
    run(command) {
      commands.push(command.join(' '))
      if (given.aptFails) return false
      if (command[1] !== 'install') return true
      for (const file of given.installs ?? []) files.add(file)
      listening = servicesAllowed || (given.leavesDaemon ?? false)
      return true
    },
    withoutServices(install) {
      servicesAllowed = false
      const result = install()
      servicesAllowed = true
      return result
    },
  }
  return { machine, commands }
}

const apt = '/usr/bin/apt-get'
const typed = 'sudo apt-get update && sudo apt-get install -y --no-install-recommends cached-server'

describe('a program that is there', () => {
  test('is found in PATH, and nothing is run', async () => {
    const { machine, commands } = machineWith({ isRoot: true, files: ['/usr/bin/cached', apt] })
    expect(await ensureProgram(program, machine)).toEqual({ state: 'found', path: '/usr/bin/cached' })
    expect(commands).toEqual([])
  })

  test('is the one that the variable names, before PATH', async () => {
    const { machine } = machineWith({
      variables: { CACHED_BIN: '/opt/c' },
      files: ['/opt/c', '/usr/bin/cached'],
    })
    expect(await ensureProgram(program, machine)).toEqual({ state: 'found', path: '/opt/c' })
  })

  test('is looked up in PATH when the variable holds a bare name', async () => {
    const { machine } = machineWith({ variables: { CACHED_BIN: 'valley' }, files: ['/usr/bin/valley'] })
    expect(await ensureProgram(program, machine)).toEqual({ state: 'found', path: '/usr/bin/valley' })
  })

  test('named by a variable but absent is told, not replaced by an installation', async () => {
    const { machine, commands } = machineWith({
      isRoot: true,
      variables: { CACHED_BIN: '/opt/c' },
      files: [apt],
    })
    const problem = 'cached: CACHED_BIN names /opt/c, which is no executable file'
    expect(await ensureProgram(program, machine)).toEqual({ state: 'failed', problem })
    expect(commands).toEqual([])
  })
})

describe('a program that is missing', () => {
  test('is installed by root with apt-get, and no service starts', async () => {
    const { machine, commands } = machineWith({ isRoot: true, files: [apt], installs: ['/usr/bin/cached'] })
    expect(await ensureProgram(program, machine)).toEqual({ state: 'installed', path: '/usr/bin/cached' })
    expect(commands).toEqual([
      'apt-get update -q',
      'apt-get install -q -y --no-install-recommends cached-server',
    ])
  })

  test.each([
    ['who is not root', { files: [apt] }],
    ['whose system has no apt-get', { isRoot: true }],
  ])('is asked of a user %s by the line to type, and nothing is run', async (_who, given) => {
    const { machine, commands } = machineWith(given)
    const problem = `cached: not found. Type:\n  ${typed}`
    expect(await ensureProgram(program, machine)).toEqual({ state: 'failed', problem })
    expect(commands).toEqual([])
  })

  test('fails the set-up when apt-get fails, and stops at the first command', async () => {
    const { machine, commands } = machineWith({ isRoot: true, files: [apt], aptFails: true })
    expect(await ensureProgram(program, machine)).toMatchObject({ state: 'failed' })
    expect(commands).toEqual(['apt-get update -q'])
  })

  test('fails the set-up when its installation left a daemon', async () => {
    const given = { isRoot: true, files: [apt], installs: ['/usr/bin/cached'], leavesDaemon: true }
    const problem = 'cached: its installation started a daemon on port 7000: stop that, then run this again'
    expect(await ensureProgram(program, machineWith(given).machine)).toEqual({ state: 'failed', problem })
  })
})

test('Redis, OpenSSL and Memcached are needed without being asked for; by root also what loses packets', () => {
  const namesOf = (needed: Program['needed']): string[] =>
    programs.filter((row) => row.needed === needed).map((row) => row.name)
  expect(namesOf('always')).toEqual(['redis-server', 'openssl', 'memcached'])
  expect(namesOf('by root')).toEqual(['ip', 'nft'])
})
