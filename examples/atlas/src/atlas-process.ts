import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a start of `main.ts` printed, and how it ended. */
export interface AtlasEnd {
  readonly code: number | null
  readonly output: string
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const NODE: readonly string[] = [process.execPath, '--conditions=holdfast-source', MAIN]

/** For tests: `main.ts` as users start it, in a process of its own. */
export class AtlasProcess {
  readonly #child: ChildProcessWithoutNullStreams
  #output = ''

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, command = NODE) {
    const [program = '', ...first] = command
    this.#child = spawn(program, [...first, ...args], {
      cwd: ROOT,
      // A group of its own, as a terminal gives it.
      detached: true,
      // Given servers of whoever runs the tests are not the tests' to use.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, REDIS_BIN: process.env.REDIS_BIN, ...env },
    })
    const take = (chunk: Buffer): void => {
      this.#output += chunk.toString()
    }
    this.#child.stdout.on('data', take)
    this.#child.stderr.on('data', take)
  }

  /** As a user types it: `npm start -- …`, the pid of which is npm's. */
  static byNpm(args: readonly string[], env: Readonly<Record<string, string>>): AtlasProcess {
    return new AtlasProcess(args, env, ['npm', 'start', '--'])
  }

  /** What was printed so far, on both streams. */
  get output(): string {
    return this.#output
  }

  /** Resolves with the match once the output has it; rejects with the output when the process ends before. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match !== null) return match
      const aborter = new AbortController()
      const { signal } = aborter
      const more = once(this.#child.stdout, 'data', { signal }).then(() => true)
      const closed = once(this.#child, 'close', { signal }).then(() => false)
      const goesOn = await Promise.race([more, closed])
      more.catch(() => {})
      closed.catch(() => {})
      aborter.abort()
      if (!goesOn && pattern.exec(this.#output) === null) {
        throw new Error(`atlas ended before it printed ${pattern}:\n${this.#output}`)
      }
    }
  }

  /** Its own pid and those of everything it started, and what that started. */
  pids(): readonly number[] {
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    const parents = table
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
    const own = [this.#child.pid ?? -1]
    // The list grows under the loop: children of children are found as well.
    for (const pid of own) for (const [child = -1, parent] of parents) if (parent === pid) own.push(child)
    return own
  }

  /** Sends a signal, if any, and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<AtlasEnd> {
    return this.#end(() => signal !== undefined && this.#child.kill(signal))
  }

  /** Ctrl-C in a terminal, which goes to everything that was started there; waits for the end. */
  interrupt(): Promise<AtlasEnd> {
    return this.#end(() => process.kill(-(this.#child.pid ?? 0), 'SIGINT'))
  }

  async #end(send: () => void): Promise<AtlasEnd> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close')
      send()
      await closed
    }
    return { code: this.#child.exitCode, output: this.#output }
  }
}

/** Whether a process of this pid lives. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
