import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onProcessExit } from '../on-process-exit.ts'

/** A server's own temporary folder. It goes with the process if nobody removed it before. */
export class ServerFolder {
  readonly path: string
  readonly #forget: () => void

  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
    this.#forget = onProcessExit('remove', () => this.remove())
  }

  /** Removes it with all it holds. Call it when the server has ended. Idempotent. */
  remove(): void {
    this.#forget()
    // A server that ends at this moment may still add a file to a folder that was just emptied.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 10 })
  }
}
