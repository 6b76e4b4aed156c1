import type { Command } from './command.ts'
import type { WireSocket } from './connect.ts'

// A longer text is cut into several writes: flattening one of many MB would stall the process.
const TEXT_CHARS_MAX = 1024 * 1024

/** The commands of one tick, joined so that they leave in one write. */
export class Outbox {
  /** Bytes waiting here. Bounded by the connection's bufferedBytesMax. */
  bytes = 0
  #text = ''
  #parts: (string | Uint8Array)[] = []

  add(command: Command, bytes: number): void {
    this.bytes += bytes
    if (typeof command === 'string' || command instanceof Uint8Array) this.#addPart(command)
    else for (const part of command) this.#addPart(part)
  }

  /** Hands everything to the socket as one write (one system call as far as the platform allows). */
  drainTo(socket: WireSocket): void {
    if (this.#parts.length === 0) {
      if (this.#text !== '') socket.write(this.#text, 'latin1')
    } else {
      this.#closeText()
      socket.cork()
      for (const part of this.#parts) {
        if (typeof part === 'string') socket.write(part, 'latin1')
        else socket.write(part)
      }
      socket.uncork()
      this.#parts = []
    }
    this.#text = ''
    this.bytes = 0
  }

  #addPart(part: string | Uint8Array): void {
    if (typeof part === 'string') {
      this.#text += part
      if (this.#text.length >= TEXT_CHARS_MAX) this.#closeText()
    } else if (part.length > 0) {
      this.#closeText()
      this.#parts.push(part)
    }
  }

  #closeText(): void {
    if (this.#text === '') return
    this.#parts.push(this.#text)
    this.#text = ''
  }
}
