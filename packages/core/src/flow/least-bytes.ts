import type { ValueParts } from './value.ts'

// What takes most heap by its text: empty arrays in each other, 56 bytes for `[]`. least-bytes.test.ts holds it.
const HEAP_BYTES_PER_BYTE_MAX = 32
// What the entry itself may add to a value's weight: its key, of at most 8 KB, and 64 tags.
const ENTRY_BYTES_MAX = 20_000

/**
 * A number of bytes that a value's wire form will not be under, without writing it: what is far too large for L2 is not
 * encoded first, which would stall the process for a second where it is hundreds of MB. Cost: none.
 */
export function leastBytes({ value, weightBytes }: Pick<ValueParts, 'value' | 'weightBytes'>): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Uint8Array) return value.byteLength
  return (weightBytes - ENTRY_BYTES_MAX) / HEAP_BYTES_PER_BYTE_MAX
}
