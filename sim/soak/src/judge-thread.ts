import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { WindowVerdict } from './judge.ts'
import type { WindowFile, Windows } from './window-recorder.ts'

export interface JudgeCall {
  readonly index: number
  readonly paths: readonly string[]
  readonly endMs: number
}

export type JudgeAnswer = { readonly verdict: WindowVerdict } | { readonly error: string }

// Files of windows that are judged stay this many windows longer: they tell how a violation came about.
const KEPT_WINDOWS = 4
// Of violations of one run.
const EVIDENCE_WINDOWS_MAX = 10

/** Judges windows in a thread of its own, as soon as every process has completed its part of one. */
export class JudgeThread {
  readonly #worker: Worker
  readonly #windows: Windows
  readonly #processes: number
  readonly #onVerdict: (verdict: WindowVerdict) => void
  // Bounded by the windows that the slowest process is behind.
  readonly #files = new Map<number, string[]>()
  readonly #judged: (readonly string[])[] = []
  readonly #pending: (readonly string[])[] = []
  readonly #failed = Promise.withResolvers<never>()
  #onIdle: (() => void) | undefined
  #kept = 0

  /** `processes`: how many of them deliver files. */
  constructor(windows: Windows, processes: number, onVerdict: (verdict: WindowVerdict) => void) {
    this.#windows = windows
    this.#processes = processes
    this.#onVerdict = onVerdict
    this.#failed.promise.catch(() => {})
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url))
    this.#worker.on('message', (answer: JudgeAnswer) => this.#take(answer))
    this.#worker.on('error', (error) => this.#failed.reject(error))
  }

  add({ index, path }: WindowFile): void {
    const files = this.#files.get(index) ?? []
    files.push(path)
    this.#files.set(index, files)
    // Windows are completed in order by each process, so they are by all.
    if (files.length === this.#processes) this.#send(index, files)
  }

  /** Resolves when all that were added are judged, complete or not. Nothing is added after it. */
  async finish(): Promise<void> {
    for (const [index, files] of [...this.#files].sort(([a], [b]) => a - b)) this.#send(index, files)
    if (this.#pending.length === 0) return
    await Promise.race([new Promise<void>((resolve) => (this.#onIdle = resolve)), this.#failed.promise])
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #send(index: number, paths: readonly string[]): void {
    this.#files.delete(index)
    this.#pending.push(paths)
    const { startMs, windowMs } = this.#windows
    const call: JudgeCall = { index, paths, endMs: startMs + (index + 1) * windowMs }
    this.#worker.postMessage(call)
  }

  #take(answer: JudgeAnswer): void {
    if ('error' in answer) {
      this.#failed.reject(new Error(`the judge: ${answer.error}`))
      return
    }
    const { verdict } = answer
    const files = this.#pending.shift() ?? []
    this.#judged.push(files)
    if (verdict.violations > 0) this.#keep(verdict)
    for (const path of this.#judged.length > KEPT_WINDOWS ? (this.#judged.shift() ?? []) : [])
      rmSync(path, { force: true })
    this.#onVerdict(verdict)
    if (this.#pending.length === 0) this.#onIdle?.()
  }

  /** The history up to a violation stays, and what concerns its keys is put together in one file. */
  #keep({ evidence }: WindowVerdict): void {
    if (this.#kept === EVIDENCE_WINDOWS_MAX) return
    this.#kept++
    const path = join(this.#windows.folder, 'evidence.jsonl')
    appendFileSync(path, evidence.map((event) => `${JSON.stringify(event)}\n`).join(''))
    this.#judged.length = 0
  }
}
