import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** The folder of the repository. */
export const root: string = join(import.meta.dirname, '..')

/** What a command said and whether it ended well. */
export interface Ran {
  readonly isOk: boolean
  readonly stdout: string
  /** Both streams, for a person. */
  readonly output: string
}

// A build of everything, or an installation, ends well within this.
const COMMAND_MS_MAX = 120_000

export interface RunOptions {
  /** Default: the repository. */
  readonly cwd?: string
  /** Ends it after this long; default 120,000. */
  readonly timeoutMs?: number
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Runs a command and waits for it. The tools of this repository, its own Node among them, come before those
 * of the system; nothing of npm's own environment (npm_config_*, npm_package_*) reaches it.
 */
export function run(command: readonly string[], options: RunOptions = {}): Ran {
  const [file = '', ...args] = command
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'))
  const PATH = [join(root, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter)
  const env = { ...Object.fromEntries(kept), PATH, NO_COLOR: '1', ...options.env }
  const cwd = options.cwd ?? root
  const timeout = options.timeoutMs ?? COMMAND_MS_MAX
  const child = spawnSync(file, args, { cwd, env, encoding: 'utf8', timeout, killSignal: 'SIGKILL' })
  const output = `${child.stdout ?? ''}${child.stderr ?? ''}${child.error?.message ?? ''}`
  return { isOk: child.status === 0, stdout: child.stdout ?? '', output }
}

/** The same, where only success will do: its standard output. Throws with everything it printed. */
export function mustRun(command: readonly string[], options: RunOptions = {}): string {
  const ran = run(command, options)
  if (!ran.isOk) throw new Error(`${command.join(' ')} failed:\n${ran.output}`)
  return ran.stdout
}

/** The folders of the packages that are published. */
export function publicPackages(): readonly string[] {
  return globSync('packages/*/package.json', { cwd: root })
    .sort()
    .filter((path) => {
      const manifest: unknown = JSON.parse(readFileSync(join(root, path), 'utf8'))
      return typeof manifest === 'object' && manifest !== null && !('private' in manifest)
    })
    .map(dirname)
}

/** Packs every public package, as built, into a folder: the paths of the tarballs. */
export function packPublicPackages(destination: string): readonly string[] {
  const folders = publicPackages().map((folder) => `./${folder}`)
  mustRun(['npm', 'pack', '--ignore-scripts', '--pack-destination', destination, ...folders])
  const tarballs = globSync('*.tgz', { cwd: destination }).map((name) => join(destination, name))
  if (tarballs.length === folders.length) return tarballs.sort()
  throw new Error(`npm pack: expected ${folders.length} tarballs, got ${tarballs.length}`)
}
