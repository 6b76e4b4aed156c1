import { join } from 'node:path'
import type { Machine } from './machine.ts'
import type { Program } from './programs.ts'

export type Ensured =
  | { readonly state: 'found' | 'installed'; readonly path: string }
  | { readonly state: 'failed'; readonly problem: string }

/**
 * Finds the program, or installs it where this process may, leaving no daemon of it behind. A variable that
 * names a file which is not there is a mistake to be told, not a reason to install another.
 */
export async function ensureProgram(program: Program, machine: Machine): Promise<Ensured> {
  const named = machine.variable(program.variable) ?? ''
  if (named !== '') return findNamed(named, program, machine)
  const found = find(program, machine)
  if (found !== undefined) return { state: 'found', path: found }
  const canInstall = machine.isRoot && findExecutable('apt-get', undefined, machine) !== undefined
  if (!canInstall) return failed(program, `not found. Type:\n  ${lineToType(program)}`)
  return install(program, machine)
}

function findNamed(named: string, program: Program, machine: Machine): Ensured {
  const path = named.includes('/') ? named : findExecutable(named, undefined, machine)
  if (path !== undefined && machine.isExecutable(path)) return { state: 'found', path }
  return failed(program, `${program.variable} names ${named}, which is no executable file`)
}

async function install(program: Program, machine: Machine): Promise<Ensured> {
  const port = program.daemonPort
  const wasListening = port !== undefined && (await machine.isListening(port))
  const isDone = machine.withoutServices(() => aptCommands(program).every((command) => machine.run(command)))
  if (!isDone) return failed(program, `apt-get could not install it. Type:\n  ${lineToType(program)}`)
  if (port !== undefined && !wasListening && (await machine.isListening(port))) {
    return failed(
      program,
      `its installation started a daemon on port ${port}: stop that, then run this again`,
    )
  }
  const path = find(program, machine)
  if (path === undefined) return failed(program, `installed ${program.aptPackage}, and still not found`)
  return { state: 'installed', path }
}

function aptCommands(program: Program): readonly (readonly string[])[] {
  return [
    ['apt-get', 'update', '-q'],
    ['apt-get', 'install', '-q', '-y', '--no-install-recommends', program.aptPackage],
  ]
}

/** What a person types instead. */
function lineToType(program: Program): string {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${program.aptPackage}`
}

function find(program: Program, machine: Machine): string | undefined {
  return findExecutable(program.executable, program.folders, machine)
}

function findExecutable(name: string, folders: string | undefined, machine: Machine): string | undefined {
  return machine
    .folders(folders)
    .map((folder) => join(folder, name))
    .find((path) => machine.isExecutable(path))
}

function failed(program: Program, reason: string): Ensured {
  return { state: 'failed', problem: `${program.name}: ${reason}` }
}
