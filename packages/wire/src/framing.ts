/** What a framing has found in the bytes, told in wire order. */
export interface FrameSink<Message> {
  /** The answer to the oldest unanswered command. */
  reply(message: Message): void
  /** A message that answers no command. */
  push(message: Message): void
  /**
   * Whether whoever gets the next reply is done with it when `reply` returns: its bytes may then be views into the
   * chunk. Default: no, they are copied.
   */
  readonly borrows?: boolean
}

/** Cuts one connection's bytes into messages; made anew for every connection. */
export interface Framing<Message> {
  /**
   * Reads the next bytes and tells `sink` every message completed by them. What is kept beyond the call must
   * be copied: the chunk's memory is used again. Whatever it throws ends the connection as a protocol error.
   */
  read(chunk: Buffer, sink: FrameSink<Message>): void
}
