/**
 * Estimates of what values occupy in V8's heap (64 bit, no pointer compression, as Node is built). They are for an
 * eviction bound, not for accounting: within a fifth of what the heap shows (weight.test.ts).
 */

// Map word, hash and length; the characters are padded to 8 bytes.
const STRING_HEADER_BYTES = 16
// Map, properties and elements.
const OBJECT_HEADER_BYTES = 24
// JSArray (4 words) and its FixedArray (2 words).
const ARRAY_HEADER_BYTES = 48
const WORD_BYTES = 8
// A number outside 31 or 32 bits of integer lives in a HeapNumber: map word and 8 bytes.
const BOXED_NUMBER_BYTES = 16
// Above this V8 keeps properties in a hash table: key, value and details, at most 2/3 full; the keys count too.
// Below it, objects of one shape share their names.
const FAST_PROPERTIES_MAX = 1_020
const HASHED_PROPERTY_BYTES = 48

// V8 stores one byte a character unless one is above 0xff. On a one-byte string it answers this without looking at
// a single character (the pattern cannot match, whatever they are).
const TWO_BYTE = /[\u0100-\uffff]/

/** A string and its header. */
export function stringBytes(text: string): number {
  return TWO_BYTE.test(text) ? STRING_HEADER_BYTES + ((2 * text.length + 7) & ~7) : asciiBytes(text)
}

/** The same for a string that is known to hold ASCII only. */
export function asciiBytes(text: string): number {
  return STRING_HEADER_BYTES + ((text.length + 7) & ~7)
}

/**
 * What a number takes beyond its slot. An array of doubles alone keeps them unboxed, but only until it is frozen: it
 * is counted as the frozen one.
 */
export function numberBytes(value: number): number {
  return (value | 0) === value ? 0 : BOXED_NUMBER_BYTES
}

export function bigintBytes(value: bigint): number {
  // Header, and 64 bits a digit; the hexadecimal text has 4 bits a character and is linear to make.
  return 16 + Math.ceil(value.toString(16).length / 16) * WORD_BYTES
}

/** An object's header and slots, where the number of its properties tells; undefined: their names count too. */
export function objectBytesOf(properties: number): number | undefined {
  return properties <= FAST_PROPERTIES_MAX ? OBJECT_HEADER_BYTES + WORD_BYTES * properties : undefined
}

/** An object's header and slots. */
export function objectBytes(names: readonly string[]): number {
  const fast = objectBytesOf(names.length)
  if (fast !== undefined) return fast
  let bytes = OBJECT_HEADER_BYTES + HASHED_PROPERTY_BYTES * names.length
  for (const name of names) bytes += STRING_HEADER_BYTES + name.length
  return bytes
}

/** An array's header and slots. */
export function arrayBytes(length: number): number {
  return ARRAY_HEADER_BYTES + WORD_BYTES * length
}
