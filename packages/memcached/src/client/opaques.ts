import { MetaProtocolError } from './meta-protocol-error.ts'
import type { MetaReply } from './meta-reply.ts'

// A hundred times as many as are ever in flight; short, because they go to the server and back.
const OPAQUE_MAX = 999_999

/** The mark of a classic command: none of its replies bears a number. */
export const CLASSIC = 0

/**
 * Numbers the commands of a connection, and holds each reply against the number of the command that it would answer. A
 * command's mark is its opaque; that of a quiet batch the first of them, negative.
 */
export class Opaques {
  #next = 1

  /** The first of `count` numbers in a row. */
  take(count: number): number {
    const first = this.#next + count > OPAQUE_MAX ? 1 : this.#next
    this.#next = first + count
    return first
  }
}

/**
 * Whether the reply is the last that the command of this mark has. Throws MetaProtocolError where it belongs to another:
 * from there on, every caller would get what was meant for somebody else.
 */
export function completesCommand({ code, opaque }: MetaReply, mark: number): boolean {
  if (opaque !== 0) {
    // Of a batch, or of a command behind it: its receiver knows where it ends.
    if (mark > 0 ? opaque === mark : mark < 0 && opaque >= -mark) return mark > 0
  } else {
    switch (code) {
      // Of any command, and they do not say which.
      case 'ERROR':
      case 'CLIENT_ERROR':
      case 'SERVER_ERROR':
        return mark >= 0
      case 'MN':
        if (mark < 0) return true
        break
      case 'STAT':
        if (mark === CLASSIC) return false
        break
      case 'HD':
      case 'VA':
      case 'NF':
      case 'NS':
      case 'EX':
        break
      // EN is what `me`, which takes no number, answers of an item that is not there.
      default:
        if (mark === CLASSIC) return true
    }
  }
  throw new MetaProtocolError(`${code} with the number ${opaque} in place of ${Math.abs(mark)}`)
}
