import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeEntry } from './entry.ts'
import { keyCheck } from './key-check.ts'

const ID = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7])

describe('HalfSipHash', () => {
  /** As the paper has it, byte by byte, with any number of rounds. */
  function halfSipHash(compress: number, finish: number, message: Buffer, key: Buffer): string {
    const v = new Uint32Array([0, 0xee, 0x6c796765, 0x74656462])
    const at = (i: number): number => v[i] ?? 0
    const xor = (i: number, word: number): void => {
      v[i] = at(i) ^ word
    }
    const half = (a: number, b: number, left: number): void => {
      v[a] = at(a) + at(b)
      v[b] = ((at(b) << left) | (at(b) >>> (32 - left))) ^ at(a)
    }
    const turn = (i: number): void => {
      v[i] = (at(i) << 16) | (at(i) >>> 16)
    }
    const rounds = (count: number): void => {
      for (let i = 0; i < count; i++) {
        half(0, 1, 5)
        turn(0)
        half(2, 3, 8)
        half(0, 3, 7)
        half(2, 1, 13)
        turn(2)
      }
    }
    for (const i of [0, 1, 2, 3]) xor(i, key.readUInt32LE((i % 2) * 4))
    const padded = Buffer.alloc(Math.ceil((message.length + 1) / 4) * 4)
    message.copy(padded)
    padded[padded.length - 1] = message.length & 0xff
    for (let i = 0; i < padded.length; i += 4) {
      const word = padded.readUInt32LE(i)
      xor(3, word)
      rounds(compress)
      xor(0, word)
    }
    const output = Buffer.alloc(8)
    for (const i of [0, 1]) {
      xor(i === 0 ? 2 : 1, i === 0 ? 0xee : 0xdd)
      rounds(finish)
      output.writeUInt32LE((at(1) ^ at(3)) >>> 0, i * 4)
    }
    return output.toString('hex')
  }

  // HalfSipHash-2-4 with 64 bits of output, from the authors' vectors: the first bytes of 00 01 02 03 04 05.
  test.each([
    [0, '218d1f59b9b83cc8'],
    [1, 'be552412f8387315'],
    [2, '064f39ef7c50eb57'],
    [3, 'ce0f1a45f7060679'],
    [4, 'd5e78a175be52ea1'],
    [6, 'ce3e91358aa2bc25'],
  ])('the plain form of this test gives the published output for %i bytes', (length, output) => {
    expect(halfSipHash(2, 4, Buffer.from([0, 1, 2, 3, 4, 5]).subarray(0, length), ID)).toBe(output)
  })

  test('the check is the same function with the rounds 1 and 3, for any key and id', () => {
    const id = fc.uint8Array({ minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), id, (key, bytes) => {
        const expected = halfSipHash(1, 3, Buffer.from(key, 'utf16le'), Buffer.from(bytes))
        expect(hexOf(key, Buffer.from(bytes))).toBe(expected)
      }),
    )
  })
})

test('the check of a key is fixed for ever', () => {
  expect(['', 'user:1', 'é', '\0', 'a'.repeat(8_192)].map((key) => hexOf(key, ID))).toMatchInlineSnapshot(`
    [
      "76a5d0212320f72a",
      "b771d405c1463ee9",
      "c67d8e0fbbebd212",
      "125ef3a28b91cde1",
      "fb5d5a5498a4b0ac",
    ]
  `)
})

test('100,000 keys that differ in little have different checks', () => {
  const seen = new Set(Array.from({ length: 100_000 }, (_, i) => hexOf(`user:${i}`, ID)))
  expect(seen.size).toBe(100_000)
})

describe('keys that were chosen to share a check (S1)', () => {
  // Found among keys of legal text in half a second.
  const TWINS = [
    'user:一一츀츀츀一一一츀一一츀츀一츀츀一츀一一一一',
    'user:一一一一一一츀一一츀一一츀츀一一一一츀一一一',
  ] as const

  /** A check without an id, 64 bits and well mixed as such functions go (cyrb53). */
  function fixedCheck(key: string): readonly [number, number] {
    let [high, low] = [0xdeadbeef, 0x41c6ce57]
    for (let i = 0; i < key.length; i++) {
      high = Math.imul(high ^ key.charCodeAt(i), 2654435761)
      low = Math.imul(low ^ key.charCodeAt(i), 1597334677)
    }
    return [high, low]
  }

  test('the twins of a fixed function are told apart under every id', () => {
    expect(fixedCheck(TWINS[0])).toEqual(fixedCheck(TWINS[1]))
    for (let i = 0; i < 10_000; i++) {
      const id = Buffer.alloc(8)
      id.writeDoubleLE(i)
      expect(hexOf(TWINS[0], id)).not.toBe(hexOf(TWINS[1], id))
    }
  })

  test('two keys that share their first half under one id do not under the next', () => {
    const first = new Map<number, string>()
    const pairs: [string, string][] = []
    for (let i = 0; pairs.length < 3; i++) {
      const key = `user:${i}`
      const [half] = keyCheck(key, ID, 0)
      const other = first.get(half)
      if (other !== undefined) pairs.push([other, key])
      first.set(half, key)
    }
    const next = Buffer.from('another!')
    for (const [one, other] of pairs) expect(keyCheck(one, next, 0)[0]).not.toBe(keyCheck(other, next, 0)[0])
  })

  test('the id of the entry is what keys it', () => {
    const entry = { payload: Buffer.alloc(0), codec: 0, flags: 0, ttlMs: 1, keepMs: 1, loadMs: 0, tags: [] }
    const bytes = encodeEntry({ ...entry, id: 'entry-id', namespaceToken: 'ns-token' }, 'user:1', 0)
    expect(bytes.toString('hex', 12, 20)).toBe(hexOf('user:1', Buffer.from('entry-id')))
  })
})

function hexOf(key: string, id: Buffer): string {
  const output = Buffer.alloc(8)
  keyCheck(key, id, 0).forEach((half, i) => void output.writeUInt32LE(half, i * 4))
  return output.toString('hex')
}
