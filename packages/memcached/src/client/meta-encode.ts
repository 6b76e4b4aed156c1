import type { Command } from '@holdfast/wire'
import type { MetaCommand } from './meta-command.ts'

/** The bytes of `mn`, which the server answers when it has come to it. */
export const NOTHING = 'mn\r\n'

// Above this a value goes to the socket as it is; below, a copy into the text costs less than a write of its own.
const INLINE_BYTES_MAX = 1024

/**
 * A command with its number as opaque. Its key is printable text of bounded length and its value is announced by its
 * length, so that neither can end the command and begin another. A large value is not copied: it must not change before
 * the command is settled.
 */
export function encodeMeta(command: MetaCommand, opaque: number): Command {
  const line = lineOf(command, opaque, '')
  if (command.verb !== 'ms') return line
  const { value } = command
  return isInline(value) ? `${line}${binaryText(value)}\r\n` : [line, value, '\r\n']
}

/** Commands that keep quiet where they have nothing to say, numbered from `opaque`, and the `mn` that ends them. */
export function encodeQuiet(commands: readonly MetaCommand[], opaque: number): Command {
  let text = ''
  let parts: (string | Uint8Array)[] | undefined
  let number = opaque
  for (const command of commands) {
    text += lineOf(command, number++, ' q')
    if (command.verb !== 'ms') continue
    const { value } = command
    if (isInline(value)) text += `${binaryText(value)}\r\n`
    else {
      parts ??= []
      parts.push(text, value)
      text = '\r\n'
    }
  }
  text += NOTHING
  return parts === undefined ? text : [...parts, text]
}

function lineOf(command: MetaCommand, opaque: number, quiet: '' | ' q'): string {
  const { verb, key, flags } = command
  const size = verb === 'ms' ? ` ${command.value.length}` : ''
  const more = flags === '' ? '' : ` ${flags}`
  const binary = key.isBinary ? ' b' : ''
  return `${verb} ${key.text}${size}${more} O${opaque}${binary}${quiet}\r\n`
}

function isInline(value: Uint8Array | string): boolean {
  return typeof value === 'string' || value.length <= INLINE_BYTES_MAX
}

function binaryText(value: Uint8Array | string): string {
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value)
    ? value.toString('latin1')
    : Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
}
