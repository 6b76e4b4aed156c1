import { AsyncLocalStorage } from 'node:async_hooks'
import { callHook } from './call-hook.ts'

/** The user's `onEvent`: called at once and never waited for; how it ends is its own affair. */
export class EventHook<Event> {
  readonly #onEvent: (event: Event) => unknown
  /** Set in whatever the hook does: of that it is not told, or one event would lead to the next without end. */
  readonly #inside = new AsyncLocalStorage<true>()

  constructor(onEvent: (event: Event) => unknown) {
    this.#onEvent = onEvent
  }

  tell(event: Event, failed: (error: unknown) => void): void {
    if (this.#inside.getStore() === true) return
    callHook(() => this.#inside.run(true, this.#onEvent, event), failed)
  }
}
