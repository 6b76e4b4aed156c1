import type { Command, WrittenCommand } from './command.ts'
import type { WireSocket } from './connect.ts'

// A longer text is cut into several writes: flattening one of many MB would stall the process.
const TEXT_CHARS_MAX = 1024 * 1024
// Some thousand short commands: memory is taken that seldom.
const SLAB_BYTES = 64 * 1024
// With less left of it, the commands of a tick would leave in two pieces, which cost twice as much as one.
const SLAB_ROOM_BYTES = 8 * 1024

/** The commands of one tick, joined so that they leave in one write. */
export class Outbox {
  /** Bytes waiting here. Bounded by the connection's bufferedBytesMax. */
  bytes = 0
  /** What is complete; behind it comes the open piece: text, or what was written into the slab, and never both. */
  #parts: (string | Uint8Array)[] = []
  #text = ''
  /** Where commands write themselves. Its first `#slabFrom` bytes may still be on their way, and are not used again. */
  #slab: Buffer | undefined
  #slabFrom = 0
  #slabTo = 0

  add(command: Command, bytes: number): void {
    this.bytes += bytes
    if (typeof command === 'string') this.#addPart(command)
    else if ('writeTo' in command) this.#write(command, bytes)
    else if (command instanceof Uint8Array) this.#addPart(command)
    else for (const part of command) this.#addPart(part)
  }

  /** Hands everything to the socket as one write (one system call as far as the platform allows). */
  drainTo(socket: WireSocket): void {
    this.bytes = 0
    this.#closeSlab()
    if (this.#parts.length === 0) {
      if (this.#text !== '') socket.write(this.#text, 'latin1')
      this.#text = ''
      return
    }
    this.#closeText()
    const parts = this.#parts
    this.#parts = []
    if (parts.length > 1) socket.cork()
    for (const part of parts) {
      if (typeof part === 'string') socket.write(part, 'latin1')
      else socket.write(part)
    }
    if (parts.length > 1) socket.uncork()
  }

  #write(command: WrittenCommand, bytes: number): void {
    if (this.#text !== '') this.#closeText()
    command.writeTo(this.#slabFor(bytes), this.#slabTo)
    this.#slabTo += bytes
  }

  /** A slab with room for this many bytes behind `#slabTo`. */
  #slabFor(bytes: number): Buffer {
    const needed = this.#slabFrom === this.#slabTo ? Math.max(bytes, SLAB_ROOM_BYTES) : bytes
    if (this.#slab !== undefined && this.#slabTo + needed <= this.#slab.length) return this.#slab
    this.#closeSlab()
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes))
    this.#slab = slab
    this.#slabFrom = 0
    this.#slabTo = 0
    return slab
  }

  #addPart(part: string | Uint8Array): void {
    this.#closeSlab()
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

  #closeSlab(): void {
    if (this.#slab === undefined || this.#slabFrom === this.#slabTo) return
    this.#parts.push(this.#slab.subarray(this.#slabFrom, this.#slabTo))
    this.#slabFrom = this.#slabTo
  }
}
