import { type ByteSize, sizeBytes } from '../duration.ts'
import { CacheError, invalidArgument } from '../errors.ts'
import type { CodecWrap } from '../options.ts'
import { checkNames } from '../policy.ts'
import { type CompressionAlgorithm, type CompressionMethod, nodeMethods } from './compression-methods.ts'

export interface CompressionOptions {
  /** Smaller values are written as they are, for one byte more. Default '8kb'. */
  readonly minBytes?: ByteSize
  /** Larger values are neither compressed nor expanded. Default '16mb'. */
  readonly maxBytes?: ByteSize
  /** A value that claims to have been this many times as large as its bytes is refused. 2 to 10,000, default 100. */
  readonly maxRatio?: number
  /** What is written; each process reads all that its Node has. Default 'zstd', or 'brotli' on a Node before 22.15. */
  readonly algorithm?: CompressionAlgorithm
}

/** The wrap id of compression: docs/wire/codec.md. */
const WRAP_ID = 127

const MIN_BYTES = 8 * 1024
const MAX_BYTES = 16 * 1024 ** 2
const MAX_RATIO = 100

// One byte of method, and behind any but "not compressed" the length of what was compressed.
const PLAIN = 0
const LENGTH_AT = 1
const BYTES_AT = 5

/**
 * Compresses values on their way to L2: `createCache({ codec: compression() })`. Synchronous: 1 to 2 ms of the event
 * loop for a megabyte (measured once). What does not shrink is written as it is. Bytes that would expand beyond the bounds are
 * `decode_failed`, found before they are expanded: a miss, and an event. Throws `invalid_argument` for bad options.
 */
export function compression(options: CompressionOptions = {}): CodecWrap {
  return compressionWith(nodeMethods, options)
}

/** compression() on a Node with these methods, the best first. */
export function compressionWith(
  methods: readonly CompressionMethod[],
  options: CompressionOptions,
): CodecWrap {
  checkNames('compression', options, ['minBytes', 'maxBytes', 'maxRatio', 'algorithm'])
  const minBytes = optionalBytes('minBytes', options.minBytes, MIN_BYTES)
  const bytesMax = optionalBytes('maxBytes', options.maxBytes, MAX_BYTES)
  const ratioMax = checkRatio(options.maxRatio)
  const writes = choose(methods, options.algorithm)
  const mayExpand = (compressedBytes: number, bytes: number): boolean =>
    bytes <= bytesMax && bytes <= compressedBytes * ratioMax
  return {
    id: WRAP_ID,
    encode(bytes) {
      if (bytes.length < minBytes || bytes.length > bytesMax) return plain(bytes)
      const compressed = writes.compress(bytes)
      // A reader would refuse it: a value that shrinks this well is rare, and cheap enough to keep as it is.
      if (!mayExpand(compressed.length, bytes.length)) return plain(bytes)
      return compressed.length + BYTES_AT < bytes.length + LENGTH_AT
        ? framed(writes.marker, bytes.length, compressed)
        : plain(bytes)
    },
    decode(payload) {
      if (payload[0] === PLAIN) return payload.subarray(LENGTH_AT)
      const method = methods.find(({ marker }) => marker === payload[0])
      if (method === undefined) throw failed(`compressed by a method (${payload[0]}) that this Node has not`)
      if (payload.length <= BYTES_AT) throw failed('truncated')
      const length = new DataView(payload.buffer, payload.byteOffset).getUint32(LENGTH_AT)
      const compressed = payload.subarray(BYTES_AT)
      if (!mayExpand(compressed.length, length)) {
        throw failed(`${compressed.length} bytes that claim to expand to ${length}: beyond the bounds`)
      }
      const bytes = method.expand(compressed, length)
      if (bytes.length !== length) throw failed(`${bytes.length} bytes where ${length} were written`)
      return bytes
    },
  }
}

function plain(bytes: Uint8Array): Uint8Array {
  const payload = Buffer.allocUnsafe(LENGTH_AT + bytes.length)
  payload[0] = PLAIN
  payload.set(bytes, LENGTH_AT)
  return payload
}

function framed(marker: number, length: number, compressed: Uint8Array): Uint8Array {
  const payload = Buffer.allocUnsafe(BYTES_AT + compressed.length)
  payload[0] = marker
  payload.writeUInt32BE(length, LENGTH_AT)
  payload.set(compressed, BYTES_AT)
  return payload
}

function choose(
  methods: readonly CompressionMethod[],
  algorithm: CompressionAlgorithm | undefined,
): CompressionMethod {
  const chosen =
    algorithm === undefined ? methods[0] : methods.find((method) => method.algorithm === algorithm)
  if (chosen !== undefined) return chosen
  const had = methods.map((method) => `'${method.algorithm}'`).join(', ')
  throw invalidArgument('compression.algorithm', `one that this Node has: ${had}`, algorithm)
}

function optionalBytes(name: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise
  const bytes = sizeBytes(`compression.${name}`, value)
  // The length is written in 32 bits.
  if (bytes > 2 ** 32 - 1) throw invalidArgument(`compression.${name}`, 'less than 4gb', value)
  return bytes
}

function checkRatio(value: unknown): number {
  if (value === undefined) return MAX_RATIO
  if (typeof value === 'number' && value >= 2 && value <= 10_000) return value
  throw invalidArgument('compression.maxRatio', 'a number from 2 to 10000', value)
}

function failed(why: string): CacheError {
  return new CacheError('decode_failed', why)
}
