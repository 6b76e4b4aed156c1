/** A server's error inside an array (EXEC), or the reason of a rejected call. `message` is the server's text. */
export class RedisReplyError extends Error {
  override readonly name = 'RedisReplyError'
}

/** A reply as it came: bulk strings are bytes, simple strings are text. */
export type RedisReply = string | Buffer | number | null | RedisReplyError | readonly RedisReply[]

/** A reply, and the offset behind it. */
export interface ParsedReply {
  readonly reply: RedisReply
  readonly next: number
}

const CRLF = '\r\n'
// Deepest nesting that is followed: COMMAND DOCS, the deepest known answer, has 8.
const DEPTH_MAX = 32

/** A command as RESP writes it. Arguments are binary safe. */
export function encodeCommand(args: readonly (string | number | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${args.length}${CRLF}`)]
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : Buffer.from(String(arg))
    parts.push(Buffer.from(`$${bytes.length}${CRLF}`), bytes, Buffer.from(CRLF))
  }
  return Buffer.concat(parts)
}

/** Reads one reply at `at`; undefined: the bytes end before the reply does. Throws on what is no RESP2. */
export function parseReply(bytes: Buffer, at: number, depth = 0): ParsedReply | undefined {
  const lineEnd = bytes.indexOf(CRLF, at)
  if (lineEnd < 0) return undefined
  const line = bytes.toString('utf8', at + 1, lineEnd)
  const next = lineEnd + 2
  switch (bytes[at]) {
    case 0x2b: // +
      return { reply: line, next }
    case 0x2d: // -
      return { reply: new RedisReplyError(line), next }
    case 0x3a: // :
      return { reply: Number(line), next }
    case 0x24: // $
      return parseBulk(bytes, next, Number(line))
    case 0x2a: // *
      return parseArray(bytes, next, Number(line), depth)
    default:
      throw new Error(`no RESP2: a reply that starts with byte ${bytes[at]}`)
  }
}

function parseBulk(bytes: Buffer, at: number, length: number): ParsedReply | undefined {
  if (length < 0) return { reply: null, next: at }
  const end = at + length
  if (bytes.length < end + 2) return undefined
  // A copy: the received bytes are not kept alive by one small value.
  return { reply: Buffer.from(bytes.subarray(at, end)), next: end + 2 }
}

function parseArray(bytes: Buffer, at: number, length: number, depth: number): ParsedReply | undefined {
  if (length < 0) return { reply: null, next: at }
  if (depth >= DEPTH_MAX) throw new Error(`no RESP2: arrays nested deeper than ${DEPTH_MAX}`)
  const items: RedisReply[] = []
  let next = at
  for (let i = 0; i < length; i++) {
    const item = parseReply(bytes, next, depth + 1)
    if (item === undefined) return undefined
    items.push(item.reply)
    next = item.next
  }
  return { reply: items, next }
}
