import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { CacheError } from '../errors.ts'
import { createCodec } from './codec.ts'
import { NamedTypes, noTypes } from './named-types.ts'
import { seal } from './seal.ts'

// FUZZ_MUTATIONS=1000000 for a release.
const MUTATIONS = Number(process.env.FUZZ_MUTATIONS ?? 100_000)
const SEED = Number(process.env.SEED ?? Math.floor(systemClock.random() * 2 ** 31))
const DECODE_MS_MAX = 50

class Point {
  x = 1
}

const types = new NamedTypes([
  {
    name: 'Point',
    is: (value) => value instanceof Point,
    encode: () => ({ x: 1 }),
    decode: () => new Point(),
  },
])
const codec = createCodec({ types })

/** Mulberry32: a few lines of arithmetic that replay from a seed. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function originals(): { codec: number; payload: Buffer }[] {
  const shared = { at: new Date(1), list: [undefined, -0, 1n, Number.NaN] }
  const cyclic: Record<string, unknown> = { shared, again: shared }
  cyclic.self = cyclic
  const values = [
    { id: 1, name: 'plain', rows: [{ a: 1 }, { b: [true, null, 'é'] }] },
    cyclic,
    new Map<unknown, unknown>([[shared, new Set([1, 'a', /b/g])]]),
    { bytes: Buffer.from('some bytes'), floats: new Float64Array(4), raw: new ArrayBuffer(3) },
    [new TypeError('t', { cause: shared }), new URL('http://a/b?c'), new Point()],
    Object.assign(Object.create(null), { ['__proto__']: 1, at: new Date(2) }),
  ]
  return values.map((value) => {
    const sealed = seal(value, { isolation: 'freeze', origin: 'given', types })
    const { codec: id, payload } = codec.encode(sealed.value, sealed.form)
    return { codec: id, payload: Buffer.from(payload) }
  })
}

// What a mutation writes: bytes that mean something to one of the formats, more often than not.
const PIECES = [
  '[',
  ']',
  '{',
  '}',
  '"',
  ',',
  ':',
  '-',
  '1',
  '9999999',
  '[1]',
  '[-2]',
  '"Map"',
  '"Named"',
  '"Date"',
]
  .concat(['"__proto__":', 'null', '1e9', '["Uint8Array",1e9]', '\\u0000', '\ud800', '"RegExp"', '"Point"'])
  .map((piece) => Buffer.from(piece))

function mutated(original: Buffer, next: (below: number) => number): Buffer {
  let bytes = Buffer.from(original)
  for (let changes = 1 + next(4); changes > 0 && bytes.length > 0; changes--) {
    const at = next(bytes.length)
    const piece = PIECES[next(PIECES.length)] ?? Buffer.alloc(0)
    const kind = next(8)
    if (kind === 0) bytes[at] = next(256)
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(4))])
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)])
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(next(bytes.length))])
    else changeDigit(bytes, at, next(10))
  }
  // Half of them with a true length of text, or all but a few would end there.
  if (bytes.length > 5 && next(2) === 0)
    bytes.writeUInt32BE(Math.max(0, bytes.length - 5 - next(2) * next(20)), 1)
  return bytes
}

/** References, codes, lengths and times are digits: the text stays JSON and means something else. */
function changeDigit(bytes: Buffer, from: number, digit: number): void {
  const at = bytes.findIndex((byte, i) => i >= from && byte >= 0x30 && byte <= 0x39)
  if (at >= 0) bytes[at] = 0x30 + digit
}

function decodeMs(id: number, payload: Buffer): number {
  const start = systemClock.now()
  try {
    const value = codec.decode(id, payload)
    seal(value, { isolation: 'freeze', origin: 'decoded', types })
  } catch (error) {
    if (!(error instanceof CacheError) || error.code !== 'decode_failed') throw error
  }
  return systemClock.now() - start
}

test(`${MUTATIONS} mutated payloads give a value or decode_failed, none slowly (SEED=${SEED})`, () => {
  const next = generator(SEED)
  const corpus = originals()
  let decoded = 0
  for (let i = 0; i < MUTATIONS; i++) {
    const original = corpus[next(corpus.length)]
    if (original === undefined) continue
    const payload = mutated(original.payload, next)
    const id = next(10) === 0 ? next(4) : original.codec
    let ms = decodeMs(id, payload)
    // A pause of the machine is not the decoder's: a slow payload is slow each time.
    for (let again = 0; again < 5 && ms > DECODE_MS_MAX; again++) ms = Math.min(ms, decodeMs(id, payload))
    expect(ms).toBeLessThan(DECODE_MS_MAX)
    if (id === original.codec) decoded++
  }
  expect(decoded).toBeGreaterThan(MUTATIONS / 2)
  expect(Reflect.get({}, 'polluted')).toBe(undefined)
  expect(Object.keys(Object.prototype)).toEqual([])
})

test('the mutations reach both answers', () => {
  const next = generator(1)
  const answers = { value: 0, failed: 0 }
  for (const { codec: id, payload } of originals()) {
    for (let i = 0; i < 1_000; i++) {
      try {
        createCodec({ types: noTypes }).decode(id, mutated(payload, next))
        answers.value++
      } catch {
        answers.failed++
      }
    }
  }
  expect(Math.min(answers.value, answers.failed)).toBeGreaterThan(200)
})
