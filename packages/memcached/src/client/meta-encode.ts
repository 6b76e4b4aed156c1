import type { Command, WrittenCommand } from '@holdfast/wire'
import type { MetaCommand } from './meta-command.ts'

// Above this a value goes to the socket as it is; below, a copy costs less than a write of its own.
const INLINE_BYTES_MAX = 1024
// A longer text is copied by the machine: to be called for it costs as much as these many characters.
const LOOP_CHARS_MAX = 48

const SPACE = 0x20
const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const OPAQUE = 0x4f // O
const BINARY = 0x62 // b
const QUIET = 0x71 // q
/** What the server answers when it has come to it. */
const NOTHING = 'mn\r\n'

/**
 * A command with its number as opaque. Its key is printable text of bounded length and its value is announced by its
 * length, so that neither can end the command and begin another. A large value is not copied: it must not change before
 * the command is settled.
 */
export function encodeMeta(command: MetaCommand, opaque: number): Command {
  const encoded = new EncodedMeta(command, opaque, false)
  const { longValue } = encoded
  return longValue === undefined ? encoded : [bytesOf([encoded]), longValue, '\r\n']
}

/** Commands that keep quiet where they have nothing to say, numbered from `opaque`, and the `mn` that ends them. */
export function encodeQuiet(commands: readonly MetaCommand[], opaque: number): Command {
  const encoded = commands.map((command, i) => new EncodedMeta(command, opaque + i, true))
  if (encoded.every(({ longValue }) => longValue === undefined)) return new EncodedBatch(encoded)
  const parts: (string | Uint8Array)[] = []
  let from = 0
  for (const [i, { longValue }] of encoded.entries()) {
    if (longValue === undefined) continue
    parts.push(bytesOf(encoded.slice(from, i + 1)), longValue, '\r\n')
    from = i + 1
  }
  parts.push(bytesOf(encoded.slice(from)), NOTHING)
  return parts
}

/** One command as bytes: all of it, or, where its value is long, its line. */
class EncodedMeta implements WrittenCommand {
  readonly bytes: number
  /** A value that goes to the socket by itself, and the end of its line with it. */
  readonly longValue: Uint8Array | undefined
  readonly #command: MetaCommand
  readonly #opaque: number
  readonly #isQuiet: boolean

  constructor(command: MetaCommand, opaque: number, isQuiet: boolean) {
    this.#command = command
    this.#opaque = opaque
    this.#isQuiet = isQuiet
    const { key, flags } = command
    let bytes = 3 + key.text.length + 2 + decimalDigits(opaque) + 2
    if (flags !== '') bytes += 1 + flags.length
    if (key.isBinary) bytes += 2
    if (isQuiet) bytes += 2
    this.longValue = undefined
    if (command.verb === 'ms') {
      const { value } = command
      bytes += 1 + decimalDigits(value.length)
      if (typeof value === 'string' || value.length <= INLINE_BYTES_MAX) bytes += value.length + 2
      else this.longValue = value
    }
    this.bytes = bytes
  }

  writeTo(target: Buffer, start: number): void {
    const command = this.#command
    const { verb, key, flags } = command
    let at = putText(target, start, verb)
    target[at++] = SPACE
    at = putText(target, at, key.text)
    if (command.verb === 'ms') {
      target[at++] = SPACE
      at = putDecimal(target, at, command.value.length)
    }
    if (flags !== '') {
      target[at++] = SPACE
      at = putText(target, at, flags)
    }
    target[at++] = SPACE
    target[at++] = OPAQUE
    at = putDecimal(target, at, this.#opaque)
    if (key.isBinary) at = putFlag(target, at, BINARY)
    if (this.#isQuiet) at = putFlag(target, at, QUIET)
    at = putLineEnd(target, at)
    if (command.verb !== 'ms' || this.longValue !== undefined) return
    const { value } = command
    if (typeof value === 'string') target.write(value, at, 'latin1')
    else target.set(value, at)
    putLineEnd(target, at + value.length)
  }
}

/** Commands without long values, and the `mn` behind them. */
class EncodedBatch implements WrittenCommand {
  readonly bytes: number
  readonly #commands: readonly EncodedMeta[]

  constructor(commands: readonly EncodedMeta[]) {
    this.#commands = commands
    this.bytes = bytesIn(commands) + NOTHING.length
  }

  writeTo(target: Buffer, start: number): void {
    const at = writeAll(this.#commands, target, start)
    putText(target, at, NOTHING)
  }
}

function bytesOf(commands: readonly EncodedMeta[]): Buffer {
  const target = Buffer.allocUnsafe(bytesIn(commands))
  writeAll(commands, target, 0)
  return target
}

function bytesIn(commands: readonly EncodedMeta[]): number {
  let bytes = 0
  for (const command of commands) bytes += command.bytes
  return bytes
}

function writeAll(commands: readonly EncodedMeta[], target: Buffer, start: number): number {
  let at = start
  for (const command of commands) {
    command.writeTo(target, at)
    at += command.bytes
  }
  return at
}

function putText(target: Buffer, at: number, text: string): number {
  const { length } = text
  if (length > LOOP_CHARS_MAX) return at + target.write(text, at, 'latin1')
  for (let i = 0; i < length; i++) target[at + i] = text.charCodeAt(i)
  return at + length
}

function putDecimal(target: Buffer, at: number, value: number): number {
  const end = at + decimalDigits(value)
  let rest = value
  for (let i = end - 1; i >= at; i--) {
    // As whole numbers: Math.floor would make the processor divide fractions.
    const tenth = (rest / 10) | 0
    target[i] = ZERO + rest - tenth * 10
    rest = tenth
  }
  return end
}

function putFlag(target: Buffer, at: number, flag: number): number {
  target[at] = SPACE
  target[at + 1] = flag
  return at + 2
}

function putLineEnd(target: Buffer, at: number): number {
  target[at] = CR
  target[at + 1] = LF
  return at + 2
}

function decimalDigits(value: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits++
  return digits
}
