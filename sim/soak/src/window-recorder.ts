import { join } from 'node:path'
import { type HistoryRecorder, hostNow, type NewEvent, recordHistory } from '@holdfast/testkit'

/** A file with all that one process did in one window of time, by the end of each event. */
export interface WindowFile {
  readonly index: number
  readonly path: string
}

/** Where windows begin, and where their files go. The same for all processes of a run. */
export interface Windows {
  readonly folder: string
  /** Of window 0, on the host's clock. */
  readonly startMs: number
  readonly windowMs: number
}

/** Records what one process does into one file a window, and tells of each that is complete. */
export class WindowRecorder {
  readonly now: () => number = hostNow
  readonly #process: string
  readonly #windows: Windows
  readonly #onComplete: (file: WindowFile) => void
  #index = 0
  #open: HistoryRecorder

  constructor(process: string, windows: Windows, onComplete: (file: WindowFile) => void) {
    this.#process = process
    this.#windows = windows
    this.#onComplete = onComplete
    this.#open = this.#begin(0)
  }

  /** Call it when the event has ended: `endMs` is now. */
  add(event: NewEvent): void {
    this.turn(event.endMs)
    this.#open.add(event)
  }

  /** Ends every window that is over. Call it regularly: a process with nothing to tell holds up the others' windows. */
  turn(nowMs: number): void {
    const { startMs, windowMs } = this.#windows
    while (nowMs >= startMs + (this.#index + 1) * windowMs) this.#end(this.#begin(this.#index + 1))
  }

  /** Ends the window that is open. Record nothing after it. */
  close(): void {
    this.#end(undefined)
  }

  #begin(index: number): HistoryRecorder {
    return recordHistory({ process: this.#process, path: this.#path(index) })
  }

  #end(next: HistoryRecorder | undefined): void {
    this.#open.close()
    this.#onComplete({ index: this.#index, path: this.#path(this.#index) })
    if (next === undefined) return
    this.#open = next
    this.#index++
  }

  #path(index: number): string {
    return join(this.#windows.folder, `${this.#process}.${index}.jsonl`)
  }
}
