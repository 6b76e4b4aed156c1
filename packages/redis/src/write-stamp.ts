import type { Clock } from 'holdfast/contracts'

/** Keeps the moment at which a command's bytes were handed to the socket. */
export class WriteStamp {
  readonly #clock: Clock
  #at: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined before. */
  get at(): number | undefined {
    return this.#at
  }

  get written(): boolean {
    return this.#at !== undefined
  }

  set written(written: boolean) {
    if (written) this.#at ??= this.#clock.now()
  }
}
