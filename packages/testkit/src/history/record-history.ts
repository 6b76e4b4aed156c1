import { appendFileSync, closeSync, openSync } from 'node:fs'
import { onProcessExit } from '../on-process-exit.ts'
import { hostNow } from './clock.ts'
import type { HistoryEvent } from './history-event.ts'

export interface RecordHistoryOptions {
  /** Name of this process in the history. */
  readonly process: string
  /** A JSONL file to append to; nothing is then kept in memory. Default: events are kept. */
  readonly path?: string
  /** Events kept in memory; one more throws. Default 5 million. */
  readonly eventsMax?: number
  /**
   * Text held back before it is written to the file. Default 65,536; 0 writes every event at once, so that a
   * process that dies by SIGKILL has told all it did.
   */
  readonly bufferCharsMax?: number
  /** The clock. Default `hostNow`. A simulator passes its own; best one that never says the same twice. */
  now?(): number
}

/** An event without the name of its process, which the recorder adds. */
export type NewEvent = HistoryEvent extends infer E ? (E extends unknown ? Omit<E, 'process'> : never) : never

export interface HistoryRecorder extends Disposable {
  /** What was recorded; empty where it goes to a file. */
  readonly events: readonly HistoryEvent[]
  /** Now on the history's clock. */
  now(): number
  add(event: NewEvent): void
  /** Writes to the file what was held back. */
  flush(): void
  /** Flushes and closes the file. Idempotent. */
  close(): void
}

/** Records what one process does, in memory or in a file that `readHistory` reads. */
export function recordHistory(options: RecordHistoryOptions): HistoryRecorder {
  return options.path === undefined
    ? new MemoryRecorder(options)
    : new FileRecorder(options, openSync(options.path, 'a'))
}

class MemoryRecorder implements HistoryRecorder {
  readonly events: HistoryEvent[] = []
  readonly now: () => number
  readonly #process: string
  readonly #eventsMax: number

  constructor({ process, now = hostNow, eventsMax = 5_000_000 }: RecordHistoryOptions) {
    this.now = now
    this.#process = process
    this.#eventsMax = eventsMax
  }

  add(event: NewEvent): void {
    if (this.events.length >= this.#eventsMax) {
      throw new RangeError(`more than ${this.#eventsMax} events: record to a file, or raise eventsMax`)
    }
    this.events.push({ process: this.#process, ...event })
  }

  flush(): void {}

  close(): void {}

  [Symbol.dispose](): void {}
}

class FileRecorder implements HistoryRecorder {
  readonly events: readonly HistoryEvent[] = []
  readonly now: () => number
  readonly #process: string
  readonly #charsMax: number
  readonly #forget: () => void
  #file: number | undefined
  #held = ''

  constructor({ process, now = hostNow, bufferCharsMax = 65_536 }: RecordHistoryOptions, file: number) {
    this.now = now
    this.#process = process
    this.#charsMax = bufferCharsMax
    this.#file = file
    this.#forget = onProcessExit('end', () => this.close())
  }

  add(event: NewEvent): void {
    if (this.#file === undefined) throw new Error('the history is closed')
    this.#held += `${JSON.stringify({ process: this.#process, ...event })}\n`
    if (this.#held.length > this.#charsMax) this.flush()
  }

  flush(): void {
    if (this.#file === undefined || this.#held === '') return
    appendFileSync(this.#file, this.#held)
    this.#held = ''
  }

  close(): void {
    if (this.#file === undefined) return
    this.flush()
    closeSync(this.#file)
    this.#file = undefined
    this.#forget()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
