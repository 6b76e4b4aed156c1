import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { TroubleEvent } from 'holdfast'
import { CacheError } from 'holdfast/contracts'

/** The trouble that caches of this process publish, from its making to its disposal. */
export class Troubles implements Disposable {
  readonly seen: TroubleEvent[] = []
  // `as`: what this channel carries is TroubleEvent by its documentation, and unknown to the type of channels.
  readonly #listen = (message: unknown): void => void this.seen.push(message as TroubleEvent)

  constructor() {
    subscribe('holdfast:trouble', this.#listen)
  }

  /** How often something was told. */
  count(what: TroubleEvent['what']): number {
    return this.seen.filter((one) => one.what === what).length
  }

  /** The codes of the errors that came with it, each once. */
  codes(): readonly string[] {
    const codes = this.seen.map(({ error }) => (error instanceof CacheError ? error.code : String(error)))
    return [...new Set(codes)].toSorted()
  }

  [Symbol.dispose](): void {
    unsubscribe('holdfast:trouble', this.#listen)
  }
}
