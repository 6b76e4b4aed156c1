import { endianness } from 'node:os'
import { CacheError } from '../errors.ts'
import { PackedBytes } from './byte-source.ts'
import type { NamedTypes } from './named-types.ts'
import { readTable } from './table-reader.ts'
import { writeTable } from './table-writer.ts'
import { WorkLimit } from './work-limit.ts'

/**
 * The bytes of a table: `version u8 | length of text u32 BE | text | raw bytes`. The text is the table in JSON; the
 * raw bytes are those of its buffers and typed arrays, one after the other. Specified in docs/wire/codec.md.
 */
const HEADER_BYTES = 5

// Elements of typed arrays are written as the machine has them. Versions that no other byte order reads are plainer
// than swapping for machines that hardly exist.
const VERSION = endianness() === 'LE' ? 0x01 : 0x81

/** Writes any surveyed value. Throws `unsupported_value` as writeTable does. */
export function encodeTagged(value: unknown, types: NamedTypes): Buffer {
  const { table, bytes } = writeTable(value, types)
  const text = Buffer.from(JSON.stringify(table))
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header[0] = VERSION
  header.writeUInt32BE(text.length, 1)
  return Buffer.concat([header, text, ...bytes])
}

/** Reads it back. Throws `decode_failed`, or what JSON.parse and constructors of built-in classes throw. */
export function decodeTagged(payload: Buffer, types: NamedTypes): unknown {
  if (payload.length < HEADER_BYTES) throw new CacheError('decode_failed', 'truncated')
  if (payload[0] !== VERSION) throw new CacheError('decode_failed', `tagged form of version ${payload[0]}`)
  const textEnd = HEADER_BYTES + payload.readUInt32BE(1)
  if (textEnd > payload.length) throw new CacheError('decode_failed', 'truncated')
  const table: unknown = JSON.parse(payload.toString('utf8', HEADER_BYTES, textEnd))
  if (!Array.isArray(table) || table.length === 0) throw new CacheError('decode_failed', 'not a table')
  return readTable(table, new PackedBytes(payload.subarray(textEnd)), types, new WorkLimit(payload.length))
}
