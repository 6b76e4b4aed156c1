import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { CacheError } from '../errors.ts'
import { type Dice, dice, fastestMs, mutated } from '../testing/mutations.ts'
import { createCodec } from './codec.ts'
import { NamedTypes, noTypes } from './named-types.ts'
import { seal } from './seal.ts'

// FUZZ_MUTATIONS=1000000 for a release.
const MUTATIONS = Number(process.env.FUZZ_MUTATIONS ?? 20_000)
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

/** Half of them with a true length of text, or all but a few would end there. */
function mutatedPayload(original: Buffer, next: Dice): Buffer {
  const bytes = mutated(original, next)
  if (bytes.length > 5 && next(2) === 0)
    bytes.writeUInt32BE(Math.max(0, bytes.length - 5 - next(2) * next(20)), 1)
  return bytes
}

function decode(id: number, payload: Buffer): void {
  try {
    const value = codec.decode(id, payload)
    seal(value, { isolation: 'freeze', origin: 'decoded', types })
  } catch (error) {
    if (!(error instanceof CacheError) || error.code !== 'decode_failed') throw error
  }
}

test(`${MUTATIONS} mutated payloads give a value or decode_failed, none slowly (S6; SEED=${SEED})`, () => {
  const next = dice(SEED)
  const corpus = originals()
  let decoded = 0
  for (let i = 0; i < MUTATIONS; i++) {
    const original = corpus[next(corpus.length)]
    if (original === undefined) continue
    const payload = mutatedPayload(original.payload, next)
    const id = next(10) === 0 ? next(4) : original.codec
    expect(fastestMs(DECODE_MS_MAX, () => decode(id, payload))).toBeLessThan(DECODE_MS_MAX)
    if (id === original.codec) decoded++
  }
  expect(decoded).toBeGreaterThan(MUTATIONS / 2)
  expect(Reflect.get({}, 'polluted')).toBe(undefined)
  expect(Object.keys(Object.prototype)).toEqual([])
})

test('the mutations reach both answers', () => {
  const next = dice(1)
  const answers = { value: 0, failed: 0 }
  for (const { codec: id, payload } of originals()) {
    for (let i = 0; i < 1_000; i++) {
      try {
        createCodec({ types: noTypes }).decode(id, mutatedPayload(payload, next))
        answers.value++
      } catch {
        answers.failed++
      }
    }
  }
  expect(Math.min(answers.value, answers.failed)).toBeGreaterThan(200)
})
