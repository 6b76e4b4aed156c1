import { CacheError } from 'holdfast/contracts'

/** The bytes of a command: binary text, or binary text and large buffers in turn. */
export type EncodedCommand = string | readonly (string | Uint8Array)[]

/** An argument of a command: text goes out as UTF-8, bytes as they are. */
export type RespArgument = string | Uint8Array | number

// Above this a buffer goes to the socket as it is; below, a copy into the text costs less than a write of its own.
const INLINE_BYTES_MAX = 1024

/**
 * A command as an array of bulk strings: each argument is announced by its length, so no argument can end
 * itself and begin another command. The result is binary text (one latin1 character a byte) and large buffers,
 * which are not copied and must not change before the command is settled.
 */
export function encodeCommand(args: readonly RespArgument[]): EncodedCommand {
  let text = `*${args.length}\r\n`
  let parts: (string | Uint8Array)[] | undefined
  for (const arg of args) {
    if (typeof arg === 'string') text += bulkOfText(arg)
    else if (typeof arg === 'number') text += bulkOfNumber(arg)
    else if (arg.length <= INLINE_BYTES_MAX) text += `$${arg.length}\r\n${binaryText(arg)}\r\n`
    else {
      parts ??= []
      parts.push(`${text}$${arg.length}\r\n`, arg)
      text = '\r\n'
    }
  }
  if (parts === undefined) return text
  parts.push(text)
  return parts
}

function bulkOfText(text: string): string {
  const bytes = Buffer.byteLength(text)
  // As many bytes as characters: all of it is ASCII, and its own binary text.
  if (bytes === text.length) return `$${bytes}\r\n${text}\r\n`
  const encoded = Buffer.from(text)
  return `$${encoded.length}\r\n${encoded.toString('latin1')}\r\n`
}

function bulkOfNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new CacheError('invalid_argument', `command argument: expected a finite number, got ${value}`)
  }
  const text = String(value)
  return `$${text.length}\r\n${text}\r\n`
}

function binaryText(bytes: Uint8Array): string {
  return Buffer.isBuffer(bytes)
    ? bytes.toString('latin1')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
