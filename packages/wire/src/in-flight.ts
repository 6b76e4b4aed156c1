import type { Receiver, SendOptions } from './command.ts'

/** Gives the answer to whoever awaits it. */
class PromiseReceiver<Message> implements Receiver<Message> {
  readonly answer: Promise<Message>
  readonly late: Receiver<Message>['late']
  #resolve: (message: Message) => void = noop
  #reject: (error: unknown) => void = noop

  constructor(late: Receiver<Message>['late']) {
    this.late = late
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  reply(message: Message): void {
    this.#resolve(message)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }
}

function noop(): void {}

/** One command without all of its replies. Slots live in the ring and are used again. */
class Slot<Message> {
  receiver: Receiver<Message> | undefined = undefined
  /** Who has given up waiting. */
  expired: Receiver<Message> | undefined = undefined
  tap: ((message: Message) => void) | undefined = undefined
  sent: { written: boolean } | undefined = undefined
  by = 0
  repliesLeft = 0
  mark = 0

  /** The caller has its answer or its error; replies that still come are dropped. */
  get settled(): boolean {
    return this.receiver === undefined
  }

  /** Ends the caller's wait; the slot itself stays until its replies have come. */
  settle(): void {
    this.receiver = undefined
    this.expired = undefined
    this.tap = undefined
    this.sent = undefined
  }
}

const SLOTS_MIN = 64

/**
 * The commands of one connection in the order they were sent, in a ring that grows to the bound which the
 * owner keeps (`size`). Positions are running counts; a position's slot is at that count modulo the ring.
 */
export class InFlight<Message> {
  readonly #errorOf: (message: Message) => unknown
  readonly #completes: ((message: Message, mark: number) => boolean) | undefined
  #slots: Slot<Message>[] = Array.from({ length: SLOTS_MIN }, () => new Slot<Message>())
  #head = 0
  #unwritten = 0
  #tail = 0

  /**
   * `errorOf` says which replies reject their command, and with what; undefined means none. `completes` says which reply
   * is the last to a command; without it they are counted.
   */
  constructor(
    errorOf: (message: Message) => unknown,
    completes?: (message: Message, mark: number) => boolean,
  ) {
    this.#errorOf = errorOf
    this.#completes = completes
  }

  get size(): number {
    return this.#tail - this.#head
  }

  /** Commands that are written and not answered: what the server has to do. */
  get unanswered(): number {
    return this.#unwritten - this.#head
  }

  /** The deadline of the oldest command, answered to its caller or not; Infinity where there is none. */
  get oldestBy(): number {
    return this.#head === this.#tail ? Infinity : this.#slot(this.#head).by
  }

  /** Whether the next reply is lent to its receiver, or dropped. */
  get borrows(): boolean {
    if (this.#head === this.#unwritten) return false
    const { receiver } = this.#slot(this.#head)
    return receiver === undefined || receiver.borrows === true
  }

  push(options: SendOptions<Message>): Promise<Message> {
    const receiver = new PromiseReceiver<Message>(options.late)
    this.add(receiver, options)
    return receiver.answer
  }

  add(receiver: Receiver<Message>, options: SendOptions<Message>): void {
    if (this.size === this.#slots.length) this.#grow()
    const slot = this.#slot(this.#tail++)
    slot.by = options.by
    slot.sent = options.sent
    slot.tap = options.tap
    slot.repliesLeft = options.replies ?? 1
    slot.mark = options.mark ?? 0
    slot.receiver = receiver
  }

  /** Marks every command as written that is not yet. */
  markWritten(): void {
    while (this.#unwritten < this.#tail) {
      const { sent } = this.#slot(this.#unwritten++)
      if (sent !== undefined) sent.written = true
    }
  }

  /** Gives a reply to the oldest written command. False: there is none. */
  reply(message: Message): boolean {
    if (this.#head === this.#unwritten) return false
    const slot = this.#slot(this.#head)
    const completes = this.#completes
    const isLast = completes === undefined ? --slot.repliesLeft <= 0 : completes(message, slot.mark)
    const { receiver, expired, tap } = slot
    if (isLast) {
      // Before the tap runs: it may send commands, which grow the ring.
      slot.settle()
      this.#head++
    }
    if (receiver === undefined) {
      if (isLast && expired?.late !== undefined && this.#errorOf(message) === undefined) expired.late(message)
      return true
    }
    try {
      tap?.(message)
    } catch (error) {
      if (!isLast) slot.settle()
      receiver.fail(error)
      return true
    }
    const error = this.#errorOf(message)
    if (error !== undefined) {
      // Whichever of its replies it is: what stands behind an error was done on another footing than was asked for.
      if (!isLast) slot.settle()
      receiver.fail(error)
    } else if (isLast) receiver.reply(message)
    return true
  }

  /** Rejects the commands whose deadline has passed; the next deadline, or Infinity. Cost: one pass. */
  expire(now: number, makeError: () => unknown): number {
    let next = Infinity
    let error: unknown
    // Counted from the head: a receiver that is told may send, and a full ring is then numbered anew.
    for (let i = 0; i < this.size; i++) {
      const slot = this.#slot(this.#head + i)
      if (slot.settled) continue
      if (slot.by > now) {
        if (slot.by < next) next = slot.by
        continue
      }
      error ??= makeError()
      const { receiver } = slot
      slot.settle()
      slot.expired = receiver
      receiver?.fail(error)
    }
    return next
  }

  /** Rejects everything; the unwritten ones, of which the peer has seen nothing, with their own error. */
  failAll(writtenError: unknown, unwrittenError: unknown): void {
    for (let at = this.#head; at < this.#tail; at++) {
      end(this.#slot(at), at < this.#unwritten ? writtenError : unwrittenError)
    }
    this.#head = this.#tail
    this.#unwritten = this.#tail
  }

  #slot(at: number): Slot<Message> {
    // The length is a power of two, so the mask is the remainder.
    const slot = this.#slots[at & (this.#slots.length - 1)]
    if (slot === undefined) throw new Error('the ring of commands has a hole')
    return slot
  }

  #grow(): void {
    const slots: Slot<Message>[] = []
    for (let at = this.#head; at < this.#tail; at++) slots.push(this.#slot(at))
    const size = slots.length
    for (let i = 0; i < size; i++) slots.push(new Slot())
    this.#slots = slots
    // The oldest is at index 0 now.
    this.#unwritten -= this.#head
    this.#head = 0
    this.#tail = size
  }
}

/** Settled first: what the receiver does then may come back here. */
function end<Message>(slot: Slot<Message>, error: unknown): void {
  const { receiver } = slot
  slot.settle()
  receiver?.fail(error)
}
