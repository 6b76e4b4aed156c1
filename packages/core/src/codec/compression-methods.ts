import * as zlib from 'node:zlib'

/** How bytes are compressed. Chosen by the writer, and read by every process whose Node has it. */
export type CompressionAlgorithm = 'zstd' | 'brotli' | 'gzip'

/** One algorithm of this Node. */
export interface CompressionMethod {
  readonly algorithm: CompressionAlgorithm
  /** Written before the bytes: never change one. 0 is "not compressed". */
  readonly marker: number
  compress(bytes: Uint8Array): Uint8Array
  /** Exactly `bytesMax` bytes or fewer: throws before it makes more. */
  expand(bytes: Uint8Array, bytesMax: number): Uint8Array
}

// The usual choices where time counts: 1 to 2 ms a megabyte for zstd, five times that for the others.
const BROTLI_QUALITY = 4
// A frame says how much memory its reader needs, whatever it holds: 16 MiB at most. What compress() writes asks for 2.
const ZSTD_WINDOW_LOG_MAX = 24

const { BROTLI_PARAM_QUALITY, ZSTD_d_windowLogMax } = zlib.constants

const zstd: CompressionMethod = {
  algorithm: 'zstd',
  marker: 1,
  compress: (bytes) => zlib.zstdCompressSync(bytes),
  expand: (bytes, bytesMax) =>
    zlib.zstdDecompressSync(bytes, {
      ...outputOf(bytesMax),
      params: { [ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
    }),
}

const brotli: CompressionMethod = {
  algorithm: 'brotli',
  marker: 2,
  compress: (bytes) => zlib.brotliCompressSync(bytes, { params: { [BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  expand: (bytes, bytesMax) => zlib.brotliDecompressSync(bytes, outputOf(bytesMax)),
}

const gzip: CompressionMethod = {
  algorithm: 'gzip',
  marker: 3,
  compress: (bytes) => zlib.gzipSync(bytes),
  expand: (bytes, bytesMax) => zlib.gunzipSync(bytes, outputOf(bytesMax)),
}

/** Those of this Node, the best first: zstd came with 22.15 and 23.8. */
export const nodeMethods: readonly CompressionMethod[] =
  typeof zlib.zstdCompressSync === 'function' ? [zstd, brotli, gzip] : [brotli, gzip]

/** The bound, and one chunk that holds it: the byte more spares a second one that would stay empty. */
function outputOf(bytesMax: number): { maxOutputLength: number; chunkSize: number } {
  return { maxOutputLength: bytesMax, chunkSize: Math.max(zlib.constants.Z_MIN_CHUNK, bytesMax + 1) }
}
