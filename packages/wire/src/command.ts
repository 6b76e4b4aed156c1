/**
 * The bytes of one command. A string is a binary string: one latin1 character is one byte. Buffers are not
 * copied, and must not change before the command is settled.
 */
export type Command = string | Uint8Array | WrittenCommand | readonly (string | Uint8Array)[]

/**
 * A command that writes its own bytes, at once and in one go: it costs half of what a text of many short pieces does,
 * which is put together when it is sent.
 */
export interface WrittenCommand {
  readonly bytes: number
  /** Writes exactly `bytes` bytes, the first at `at`. */
  writeTo(target: Buffer, at: number): void
}

/** How one command is sent. */
export interface SendOptions<Message> {
  /** The moment on the clock at which the caller stops waiting. Infinity: never. */
  readonly by: number
  /** Its flag is set in the moment before the bytes are handed to the socket. */
  readonly sent?: { written: boolean } | undefined
  /**
   * Sees each reply of this command in wire order: before any later message is delivered, before the promise
   * settles, and not at all after the deadline. What it throws rejects the command.
   */
  readonly tap?: ((message: Message) => void) | undefined
  /**
   * Of `send` alone, a receiver has its own: sees the answer, the last of several, that comes behind the deadline and is no
   * error, in wire order. What the peer has done for a caller who had given up can be undone then. It is lent.
   */
  readonly late?: ((message: Message) => void) | undefined
  /** Leaves at once, with what waits before it: others wait for its effect. Default: with the commands of its tick. */
  readonly urgent?: boolean | undefined
  /** Messages that answer this command, 1 or more; the promise gives the last. Default 1. */
  readonly replies?: number
  /** What `completes` of the connection knows this command by. Default 0. */
  readonly mark?: number
}

/**
 * Whoever waits for the answer to a command. `reply` or `fail` is called once, synchronously: `reply` in wire order, as a
 * tap is. None may throw.
 */
export interface Receiver<Message> {
  /** Whether `reply` is done with the message when it returns: it may then hold views into bytes that are used again. */
  readonly borrows?: boolean
  reply(message: Message): void
  fail(error: unknown): void
  /** Behind `fail`: the answer that came behind the deadline, the last of several, if it is no error. It is lent. */
  late?: ((message: Message) => void) | undefined
}

/** Bytes that a command takes on the wire. */
export function commandBytes(command: Command): number {
  if (typeof command === 'string') return command.length
  if ('writeTo' in command) return command.bytes
  if (command instanceof Uint8Array) return command.length
  let bytes = 0
  for (const part of command) bytes += part.length
  return bytes
}
