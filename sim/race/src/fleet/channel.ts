type Message =
  | { readonly call: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly answers: number; readonly answer?: unknown; readonly error?: string }

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** Calls, both ways, between a process and the one that started it. Arguments and answers are plain data. */
export class Channel {
  readonly #send: (text: string) => void
  readonly #served: object
  // Bounded by the calls under way: whoever calls waits.
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0
  #ended: Error | undefined

  /** `served`: whose methods the other side calls. `send`: hands one message over. */
  constructor(send: (text: string) => void, served: object) {
    this.#send = send
    this.#served = served
  }

  /** Runs a method over there. Rejects with its error, or when the other side ends before it answers. */
  async call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended
    const call = ++this.#calls
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.set(call, {
      // A method without an answer is one whose type has none.
      resolve: (answer) => resolve(JSON.parse(JSON.stringify(answer ?? null))),
      reject,
    })
    this.#say({ call, method, args })
    return await promise
  }

  /** A message from the other side. */
  take(text: string): void {
    const message: Message = JSON.parse(text)
    if ('method' in message) {
      this.#serve(message.call, message.method, message.args).then((answer) => this.#say(answer))
      return
    }
    const waiting = this.#waiting.get(message.answers)
    this.#waiting.delete(message.answers)
    if (message.error === undefined) waiting?.resolve(message.answer)
    else waiting?.reject(new Error(message.error))
  }

  /** The other side has gone. */
  end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  async #serve(answers: number, method: string, args: readonly unknown[]): Promise<Message> {
    try {
      return { answers, answer: await Reflect.get(this.#served, method).apply(this.#served, args) }
    } catch (error) {
      return { answers, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }

  #say(message: Message): void {
    if (this.#ended === undefined) this.#send(JSON.stringify(message))
  }
}
