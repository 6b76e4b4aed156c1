import { createCipheriv, createDecipheriv } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { CacheError } from '../errors.ts'
import type { CodecWrap } from '../options.ts'
import { createCodec } from './codec.ts'
import { type CompressionOptions, compression, compressionWith } from './compression.ts'
import { nodeMethods } from './compression-methods.ts'
import { noTypes } from './named-types.ts'

const ALGORITHMS = ['zstd', 'brotli', 'gzip'] as const
const MARKERS = { zstd: 1, brotli: 2, gzip: 3 } as const
// Long enough to be compressed, and of a kind that shrinks to a tenth.
const ROWS = Buffer.from(
  JSON.stringify(Array.from({ length: 500 }, (_, id) => ({ id, name: `product ${id * 7919}`, price: id }))),
)

/** What is written for bytes that were compressed to these, and said to be so long. */
function framed(marker: number, length: number, compressed: Uint8Array): Buffer {
  const head = Buffer.from([marker, 0, 0, 0, 0])
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, compressed])
}

const codec = createCodec({ types: noTypes, wrap: compression() })

function refusal(payload: Uint8Array): CacheError {
  try {
    codec.decode(254, payload)
  } catch (error) {
    if (error instanceof CacheError && error.code === 'decode_failed') return error
    throw error
  }
  throw new Error('it was decoded')
}

describe('compression', () => {
  test.each(ALGORITHMS)('%s shrinks what is long, and gives it back', (algorithm) => {
    const wrap = compression({ algorithm })
    const written = wrap.encode(ROWS)
    expect(written[0]).toBe(MARKERS[algorithm])
    expect(written.length).toBeLessThan(ROWS.length / 4)
    expect(Buffer.from(wrap.decode(written))).toEqual(ROWS)
    // Whoever writes otherwise reads it all the same.
    expect(Buffer.from(compression().decode(written))).toEqual(ROWS)
  })

  test('any bytes come back, at any size around the bounds', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.nat(3_000))
        .map(([byte, length]) => Buffer.alloc(length, byte)),
    )
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom(...ALGORITHMS),
        fc.constantFrom(1, 20, 1_000),
        (given, algorithm, minBytes) => {
          const wrap = compression({ algorithm, minBytes, maxBytes: 2_500 })
          expect(Buffer.from(wrap.decode(wrap.encode(given)))).toEqual(Buffer.from(given))
        },
      ),
    )
  })

  test('what is smaller than minBytes costs one byte and no time', () => {
    const small = ROWS.subarray(0, 8 * 1024 - 1)
    expect(compression().encode(small)).toEqual(Buffer.concat([Buffer.from([0]), small]))
    expect(compression().encode(ROWS.subarray(0, 8 * 1024))[0]).not.toBe(0)
    expect(compression({ minBytes: '1kb' }).encode(ROWS.subarray(0, 1024))[0]).not.toBe(0)
  })

  test('what does not shrink, and what no reader would take, is written as it is', () => {
    const random = Buffer.concat(
      Array.from({ length: 2_000 }, () => Buffer.from(systemClock.token(), 'latin1')),
    )
    expect(compression().encode(random)[0]).toBe(0)
    // It would shrink to a ten-thousandth.
    expect(compression().encode(Buffer.alloc(1_000_000))[0]).toBe(0)
    expect(compression({ maxRatio: 10_000 }).encode(Buffer.alloc(100_000))[0]).toBe(1)
    expect(compression({ maxBytes: '10kb' }).encode(ROWS)[0]).toBe(0)
    expect(() => compression({ maxBytes: '10kb' }).decode(compression().encode(ROWS))).toThrow(
      'beyond the bounds',
    )
    expect(() => compression({ maxRatio: 3 }).decode(compression().encode(ROWS))).toThrow('beyond the bounds')
  })

  test('the bytes of today (docs/wire/codec.md)', () => {
    const value = { text: 'abc'.repeat(20) }
    const writer = createCodec({ types: noTypes, wrap: compression({ algorithm: 'gzip', minBytes: 1 }) })
    const { codec: id, payload } = writer.encode(value, 'json')
    const text = Buffer.from(JSON.stringify(value))
    expect(id).toBe(254)
    expect(Buffer.from(payload)).toEqual(framed(3, text.length, gzipSync(text)))
    expect(codec.decode(254, payload)).toEqual(value)
    expect(() => createCodec({ types: noTypes }).decode(254, payload)).toThrow('codec 254')
  })

  test('a Node without zstd writes brotli, and what others wrote with zstd is a miss to it', () => {
    const old = compressionWith(
      nodeMethods.filter(({ algorithm }) => algorithm !== 'zstd'),
      {},
    )
    expect(old.encode(ROWS)[0]).toBe(MARKERS.brotli)
    expect(() => old.decode(compression({ algorithm: 'zstd' }).encode(ROWS))).toThrow(
      'that this Node has not',
    )
    expect(Buffer.from(compression().decode(old.encode(ROWS)))).toEqual(ROWS)
    expect(() => compressionWith([], { algorithm: 'zstd' })).toThrow(
      'compression.algorithm: expected one that',
    )
  })

  test("goes inside of a wrap of one's own: compressed first, then encrypted", () => {
    const key = Buffer.alloc(32, 7)
    const zip = compression()
    const wrap: CodecWrap = {
      id: 7,
      encode(bytes) {
        const iv = Buffer.from(systemClock.token().padEnd(12), 'latin1')
        const cipher = createCipheriv('aes-256-gcm', key, iv)
        const sealed = Buffer.concat([cipher.update(zip.encode(bytes)), cipher.final()])
        return Buffer.concat([iv, cipher.getAuthTag(), sealed])
      },
      decode(bytes) {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
        decipher.setAuthTag(bytes.subarray(12, 28))
        return zip.decode(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]))
      },
    }
    const both = createCodec({ types: noTypes, wrap })
    const value: unknown = JSON.parse(ROWS.toString())
    const { codec: id, payload } = both.encode(value, 'json')
    expect(payload.length).toBeLessThan(ROWS.length / 4)
    expect(both.decode(id, payload)).toEqual(value)
    payload[40] = 255 - (payload[40] ?? 0)
    expect(() => both.decode(id, payload)).toThrow(CacheError)
  })

  test.each([
    ['minBytes', 0],
    ['minBytes', '8 kb'],
    ['maxBytes', 1.5],
    ['maxBytes', '4gb'],
    ['maxRatio', 1],
    ['maxRatio', Number.NaN],
    ['algorithm', 'lz4'],
    ['minByte', 1],
  ])('%s: %j is refused by name', (option, value) => {
    const options: CompressionOptions = JSON.parse('0', () => ({ [option]: value }))
    expect(() => compression(options)).toThrow(option)
  })
})

describe('bytes from elsewhere (S8)', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a method that nobody has', Buffer.from([9, 0, 0, 0, 1, 0])],
    ['a method and nothing else', Buffer.from([1])],
    ['a length and nothing behind it', framed(1, 10, Buffer.alloc(0))],
    ['zstd that is none', framed(1, 100, Buffer.from('no frame at all'))],
    ['brotli that is none', framed(2, 100, Buffer.from('no stream at all'))],
    ['gzip that is none', framed(3, 100, Buffer.from('no member at all'))],
    ['a truncated frame', framed(1, ROWS.length, zstdCompressSync(ROWS).subarray(0, -10))],
    ['truncated gzip', framed(3, ROWS.length, gzipSync(ROWS).subarray(0, -10))],
    ['truncated brotli', framed(2, ROWS.length, brotliCompressSync(ROWS).subarray(0, -10))],
    ['a length too large', framed(1, ROWS.length + 1, zstdCompressSync(ROWS))],
    ['a length too small', framed(1, ROWS.length - 1, zstdCompressSync(ROWS))],
    ['text that is no value', framed(1, 20, zstdCompressSync(Buffer.from('{"broken json": '.padEnd(20))))],
    ['not compressed, and no value', Buffer.from('\0{"broken')],
  ])('%s is decode_failed', (_title, payload) => {
    refusal(payload)
  })

  // The gzip and zstd formats allow many pieces one behind the other: 1 GiB of zeros in 33 KB and in 1 MB.
  const piece = Buffer.alloc(64 * 2 ** 20)
  const wide = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_compressionLevel]: 1 }
  const bombs = {
    zstd: framedBomb(1, Array(16).fill(zstdCompressSync(piece))),
    'zstd of a wide window': framedBomb(1, [zstdCompressSync(piece, { params: wide })]),
    gzip: framedBomb(3, Array(16).fill(gzipSync(piece))),
    brotli: framedBomb(2, [brotliCompressSync(piece, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })]),
  }

  /** As large as it is, as large as its bytes may make it, and as small as any value. */
  function framedBomb(marker: number, pieces: readonly Buffer[]): readonly Buffer[] {
    const bytes = Buffer.concat(pieces)
    const claims = [2 ** 30, Math.min(16 * 2 ** 20, bytes.length * 100), 20_000]
    return claims.map((claim) => framed(marker, claim, bytes))
  }

  test.each(Object.entries(bombs))('a bomb of %s is refused in 50 ms and 32 MB', (_name, payloads) => {
    for (const payload of payloads) {
      // What a first call costs (code, stacks of errors) is not the bomb's.
      refusal(payload)
      collect()
      const before = process.memoryUsage().rss
      refusal(payload)
      expect(process.memoryUsage().rss - before).toBeLessThan(32 * 2 ** 20)
      expect(fastestOf(5, () => refusal(payload))).toBeLessThan(50)
    }
  })

  test('a frame that asks its reader for 128 MiB of memory is refused for that', () => {
    const cause = { code: 'ZSTD_error_frameParameter_windowTooLarge' }
    for (const payload of bombs['zstd of a wide window'].slice(1)) {
      expect(refusal(payload)).toMatchObject({ cause })
    }
  })

  test('without the bounds the same bytes do expand: the bombs are some', () => {
    for (const [i, [bomb = Buffer.alloc(0)]] of [bombs.zstd, bombs.brotli, bombs.gzip].entries()) {
      const method = nodeMethods[i]
      // A sixteenth of it, where it is of sixteen pieces.
      const bytes = bomb.subarray(5, i === 1 ? undefined : 5 + (bomb.length - 5) / 16)
      expect(method?.expand(bytes, piece.length).length).toBe(piece.length)
    }
  })
})

/** Ends the life of what earlier decodes left behind, so that a measured one is charged with its own alone. */
function collect(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** A pause of the machine is not ours: what is slow is slow each time. */
function fastestOf(times: number, act: () => unknown): number {
  let fastest = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const start = systemClock.now()
    act()
    fastest = Math.min(fastest, systemClock.now() - start)
  }
  return fastest
}
