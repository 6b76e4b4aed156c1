/** An error reply, as a value: inside an array it is one element among others. */
export class RespError {
  /** The first word, such as `NOSCRIPT`, `OOM` or `ERR`. */
  readonly prefix: string
  /** The whole line. */
  readonly message: string

  constructor(message: string) {
    const space = message.indexOf(' ')
    this.prefix = space < 0 ? message : message.slice(0, space)
    this.message = message
  }
}

/** A bulk string longer than is kept: its length, and how it begins. It is told before the rest of it has come. */
export class RespOverlong {
  readonly length: number
  readonly head: Buffer

  constructor(length: number, head: Buffer) {
    this.length = length
    this.head = head
  }
}

/**
 * Everything a server can answer. Bulk strings are Buffers; simple and verbatim strings are text; integers
 * beyond 2^53 are bigints; sets are arrays. A map's bulk keys are binary strings (one latin1 character a
 * byte), so that ASCII names can be looked up and no bytes are lost.
 */
export type RespValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | RespError
  | RespOverlong
  | RespValue[]
  | Map<RespValue, RespValue>
