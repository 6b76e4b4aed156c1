import { type Connect, connectSocket } from '@holdfast/wire'

/** A way to a server on which what is written can be held back, as a network does. */
export interface HeldWrites {
  readonly connect: Connect
  /** Holds back the next write in which this stands, and everything behind it. Resolves when there is something to hold. */
  hold(text: string): Promise<void>
  /** Lets it through. */
  release(): void
}

export function heldWrites(): HeldWrites {
  let awaited: string | undefined
  let reached: () => void = () => undefined
  let held: (() => void)[] | undefined
  const hand = (text: string, write: () => void) => {
    if (awaited !== undefined && text.includes(awaited)) {
      awaited = undefined
      held = []
      reached()
    }
    if (held === undefined) write()
    else held.push(write)
  }
  return {
    connect(endpoint, listener) {
      const socket = connectSocket(endpoint, listener)
      return {
        // A write that is held keeps its bytes: they are used again.
        write: (data, encoding) => {
          const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : Buffer.from(data)
          hand(bytes.toString('latin1'), () => socket.write(bytes))
          return true
        },
        cork: () => undefined,
        uncork: () => undefined,
        get writableLength() {
          return socket.writableLength
        },
        end: () => socket.end(),
        destroy: () => socket.destroy(),
      }
    },
    hold(text) {
      awaited = text
      return new Promise((resolve) => {
        reached = resolve
      })
    },
    release() {
      const writes = held ?? []
      held = undefined
      for (const write of writes) write()
    },
  }
}
