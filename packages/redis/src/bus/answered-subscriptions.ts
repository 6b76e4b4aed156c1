import type { FrameSink, Framing } from '@holdfast/wire'
import type { RespValue } from '../resp-value.ts'

const SUBSCRIBE = Buffer.from('subscribe')

/**
 * RESP3 confirms SUBSCRIBE by a push, in the place where its reply would be; where it refuses, by an error that is a
 * reply. Here both are replies.
 */
export class AnsweredSubscriptions implements Framing<RespValue> {
  readonly #inner: Framing<RespValue>

  constructor(inner: Framing<RespValue>) {
    this.#inner = inner
  }

  read(chunk: Buffer, sink: FrameSink<RespValue>): void {
    this.#inner.read(chunk, {
      reply: (message) => sink.reply(message),
      push: (message) => (isConfirmation(message) ? sink.reply(message) : sink.push(message)),
    })
  }
}

function isConfirmation(message: RespValue): boolean {
  const kind = Array.isArray(message) ? message[0] : undefined
  return Buffer.isBuffer(kind) && kind.equals(SUBSCRIBE)
}
