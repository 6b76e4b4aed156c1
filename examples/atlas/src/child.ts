import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a child process tells its parent: once that it is ready, and then whatever it has to tell. */
export type ChildMessage<Ready, Told = never> = { readonly ready: Ready } | { readonly told: Told }

/** A TypeScript file of this folder that runs in a process of its own. */
export interface Child<Ready> {
  /** Rejects where the process ends before it was ready. */
  readonly ready: Promise<Ready>
  /** Settles when the process has ended, however it did. */
  readonly ended: Promise<void>
  /** SIGTERM, and SIGKILL after 3 s; SIGKILL at once where it is not ready yet. Idempotent. */
  end(): Promise<void>
}

export interface StartChildOptions<Told> {
  readonly args?: readonly string[]
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly onTold?: (told: Told) => void
}

// endWithParent gives a child 2 s for its own closing.
const GRACE_MS = 3_000

/** Starts `file` with this process's flags. It is killed when this process exits, in whatever way it exits. */
export function startChild<Ready, Told = never>(
  file: string,
  options: StartChildOptions<Told>,
): Child<Ready> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [...(options.args ?? [])], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...options.env },
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').then(
    () => void process.off('exit', kill),
    () => void process.off('exit', kill),
  )
  let isReady = false
  const ready = whenReady<Ready, Told>(child, file, options.onTold).then((value) => {
    isReady = true
    return value
  })
  // Whoever waits for it hears of a failure; where nobody does, it is no failure of this process.
  ready.catch(() => {})
  return {
    ready,
    ended,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(isReady ? 'SIGTERM' : 'SIGKILL')
      const timer = setTimeout(kill, GRACE_MS)
      await ended
      clearTimeout(timer)
    },
  }
}

function whenReady<Ready, Told>(
  child: ChildProcess,
  file: string,
  onTold: ((told: Told) => void) | undefined,
): Promise<Ready> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: ChildMessage<Ready, Told>) => {
      if ('ready' in message) resolve(message.ready)
      else onTold?.(message.told)
    })
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      reject(new Error(`${file} ended (${signal ?? `exit code ${code}`})`)),
    )
  })
}
