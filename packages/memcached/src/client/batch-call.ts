import type { Receiver } from '@holdfast/wire'
import { MetaProtocolError } from './meta-protocol-error.ts'
import type { MetaReply } from './meta-reply.ts'

/** Whoever waits for a quiet batch. Called synchronously in wire order; nothing may throw. */
export interface BatchReceiver {
  /** Whether `reply` is done with the reply and its value when it returns: they are lent then. */
  readonly borrows?: boolean
  /** A reply to the command at `index`, in rising order. */
  reply(index: number, reply: MetaReply): void
  /** All that had anything to say have said it. */
  done(): void
  /** In place of `done`: the rest will not be answered. */
  fail(error: unknown): void
}

/** A quiet batch in flight: tells its receiver which of its commands a reply is to. */
export class BatchCall implements Receiver<MetaReply> {
  readonly borrows: boolean
  readonly #receiver: BatchReceiver
  readonly #first: number
  readonly #count: number
  readonly #confused: (error: Error) => void
  /** The command that may answer next. */
  #next = 0

  /** `first` is the opaque of the first of `count` commands. `confused`: the replies cannot be told apart. */
  constructor(receiver: BatchReceiver, first: number, count: number, confused: (error: Error) => void) {
    this.borrows = receiver.borrows === true
    this.#receiver = receiver
    this.#first = first
    this.#count = count
    this.#confused = confused
  }

  /** Sees every reply of the batch, its `mn` last. */
  readonly tap = (reply: MetaReply): void => {
    if (reply.opaque === 0) return
    const index = reply.opaque - this.#first
    if (index < this.#next || index >= this.#count) {
      this.#confused(
        new MetaProtocolError(`an answer to command ${index} of ${this.#count} after ${this.#next - 1}`),
      )
      return
    }
    this.#next = index + 1
    this.#receiver.reply(index, reply)
  }

  reply(): void {
    this.#receiver.done()
  }

  fail(error: unknown): void {
    this.#receiver.fail(error)
  }
}
