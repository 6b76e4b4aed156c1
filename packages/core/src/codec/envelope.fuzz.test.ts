import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../clock.ts'
import { decodeEntry, type EntryName, encodeEntry, type NewEntry, type StoredEntry } from '../entry.ts'
import { CacheError } from '../errors.ts'
import { type Dice, dice, fastestMs, mutated, residentBytes } from '../testing/mutations.ts'
import { type Codec, createCodec } from './codec.ts'
import { compression } from './compression.ts'
import { NamedTypes } from './named-types.ts'
import { handOut, seal } from './seal.ts'

// FUZZ_MUTATIONS=1000000 for a release.
const MUTATIONS = Number(process.env.FUZZ_MUTATIONS ?? 20_000)
const SEED = Number(process.env.SEED ?? Math.floor(systemClock.random() * 2 ** 31))
const DECODE_MS_MAX = 50
const MEMORY_BYTES_MAX = 50 * 2 ** 20
const TURN_EVERY = 250

const KEY = 'user:1'
const NOW_MS = 1_700_000_000_000
// The parts of a header that say that these bytes may be read at all: docs/wire/entry.md.
const GATES: readonly (readonly [start: number, end: number])[] = [
  [0, 2],
  [4, 20],
]

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
const codecs = [
  createCodec({ types }),
  createCodec({ types, wrap: compression({ minBytes: 1, algorithm: 'zstd' }) }),
  createCodec({ types, wrap: compression({ minBytes: 1, algorithm: 'gzip' }) }),
]

const VALUES = [
  { id: 1, name: 'plain', rows: [{ a: 1 }, { b: [true, null, 'é'] }], text: 'again and again '.repeat(20) },
  { __proto__: null, at: new Date(1), big: 255n, missing: undefined, not: Number.NaN },
  new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'a', /b/gu])]]),
  { bytes: Buffer.from('some bytes'), floats: new Float64Array(40), raw: new ArrayBuffer(3) },
  [new TypeError('t', { cause: 1 }), new URL('http://a/b?c'), new Point()],
]

interface Envelope {
  readonly codec: Codec
  /** An entry under a hashed name carries its key. */
  readonly name: EntryName
  readonly bytes: Buffer
}

function envelopes(): Envelope[] {
  return codecs.flatMap((codec) =>
    VALUES.map((value, i) => {
      const sealed = seal(value, { isolation: 'clone', origin: 'loaded', types })
      const entry: NewEntry = {
        ...codec.encode(sealed.value, sealed.form),
        id: 'id-8byte',
        flags: 0,
        ttlMs: 60_000,
        keepMs: 60_000,
        loadMs: 5,
        namespaceToken: 'ns-token',
        tags: Array.from({ length: i }, (_, nth) => ({ name: `tag:${nth}`, token: 'hardpart' })),
        ...(i % 2 === 0 ? {} : { version: 7n }),
      }
      const name = { isHashed: i % 3 === 0 }
      return { codec, name, bytes: encodeEntry(entry, KEY, NOW_MS, name) }
    }),
  )
}

/** Most of them get past the gates of the header, or all but a few would end there. */
function mutatedEnvelope(original: Buffer, next: Dice): Buffer {
  const bytes = mutated(original, next)
  if (next(10) === 0) return bytes
  for (const [start, end] of GATES) original.copy(bytes, start, start, Math.min(end, bytes.length))
  return bytes
}

/** Reads it as a cache does, up to what a caller gets. */
function read({ codec, name, bytes }: Envelope): 'unreadable' | 'failed' | 'value' {
  const decoded = decodeEntry(bytes, KEY, NOW_MS, '', name)
  if (!decoded.readable) return 'unreadable'
  expectWithin(decoded, bytes)
  try {
    const value = codec.decode(decoded.codec, decoded.payload)
    handOut(seal(value, { isolation: 'clone', origin: 'decoded', types }), types)
    return 'value'
  } catch (error) {
    if (error instanceof CacheError && error.code === 'decode_failed') return 'failed'
    throw error
  }
}

/** No count and no length of a header is believed beyond the bytes that are there. */
function expectWithin({ tags, payload }: StoredEntry, bytes: Buffer): void {
  const named = tags.reduce((sum, tag) => sum + Buffer.from(tag.name, 'latin1').length, 0)
  if (tags.length > bytes.length / 9 || named > bytes.length || payload.length > bytes.length) {
    throw new Error(`an entry of ${bytes.length} bytes has ${tags.length} tags`)
  }
}

// Nothing in a decoder makes code of text: whoever tries is found.
const makesCode = vi.fn(() => {
  throw new Error('text became code')
})
beforeEach(() => {
  vi.stubGlobal('eval', makesCode)
  vi.stubGlobal('Function', makesCode)
})
afterEach(() => vi.unstubAllGlobals())

const PROTOTYPES = [Object, Array, Map, Set, Date, RegExp, Error, Uint8Array, Buffer, Promise, String].map(
  (maker): object => maker.prototype,
)
const properties = (): PropertyKey[][] => PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype))

test(`${MUTATIONS} mutated envelopes give a value or a miss, none slowly (S6, S7; SEED=${SEED})`, async () => {
  const next = dice(SEED)
  const corpus = envelopes()
  const before = properties()
  const answers = { unreadable: 0, failed: 0, value: 0 }
  const readMany = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const original = corpus[next(corpus.length)] ?? fail('there is no corpus')
      const envelope = { ...original, bytes: mutatedEnvelope(original.bytes, next) }
      let answer: keyof typeof answers = 'unreadable'
      const ms = fastestMs(DECODE_MS_MAX, () => {
        answer = read(envelope)
      })
      if (ms > DECODE_MS_MAX) fail(`${ms} ms: ${envelope.bytes.toString('base64')}`)
      answers[answer]++
      // zlib frees what belongs to a stream in the turn after it.
      if (i % TURN_EVERY === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  // What the first half leaves behind (code, the engine's young generation, arenas of the allocator) is there once.
  await readMany(MUTATIONS / 2)
  const bytesBefore = residentBytes()
  await readMany(MUTATIONS / 2)
  expect(residentBytes() - bytesBefore).toBeLessThan(MEMORY_BYTES_MAX)
  expect(makesCode).not.toHaveBeenCalled()
  expect(properties()).toEqual(before)
  expect(Reflect.get({}, 'polluted')).toBe(undefined)
  // A run that only ever met one of them would have shown nothing.
  for (const count of Object.values(answers)) expect(count).toBeGreaterThan(MUTATIONS / 50)
}, 600_000)

function fail(why: string): never {
  throw new Error(why)
}
