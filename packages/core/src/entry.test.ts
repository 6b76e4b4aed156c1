import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeEntry,
  ENTRY_FLAG_NEGATIVE,
  ENTRY_FLAG_STALE,
  type EntryName,
  encodeEntry,
  encodeEntryHead,
  expireEntry,
  hardPart,
  type NewEntry,
  type StoredEntry,
  softenedAtMs,
  softPart,
} from './entry.ts'

const NOW_MS = 1_700_000_000_000

const ENTRY: NewEntry = {
  id: 'id-8byte',
  payload: Buffer.from('{"a":1}'),
  codec: 0,
  flags: 0,
  ttlMs: 60_000,
  keepMs: 360_000,
  loadMs: 25,
  namespaceToken: 'ns-token',
  tags: [],
}
const TAGGED: NewEntry = {
  ...ENTRY,
  codec: 3,
  flags: ENTRY_FLAG_NEGATIVE,
  version: -2n,
  tags: [
    { name: 'org:1', token: 'hardpart' },
    { name: 'é', token: 'hardpartsoftpart' },
  ],
}

const WHOLE: EntryName = { isHashed: false }
const HASHED: EntryName = { isHashed: true }

// HalfSipHash-1-3 of 'user:1' under the id of both: key-check.test.ts.
const CHECK_OF_USER_1 = '992dd71b91bd3603'

describe('the bytes, format 1', () => {
  test('an untagged entry', () => {
    expect(encodeEntry(ENTRY, 'user:1', NOW_MS).toString('hex')).toBe(
      [
        '48010000', // magic, format, flags, codec
        '69642d3862797465', // id
        CHECK_OF_USER_1,
        '018bcfe56800', // created
        '000000ea60', // ttl
        '0000057e40', // keep
        '000019', // load
        '6e732d746f6b656e', // namespace token
        '00', // tags
        '7b2261223a317d', // payload
      ].join(''),
    )
  })

  test('a versioned entry with tags, one of them with a soft part', () => {
    expect(encodeEntry(TAGGED, 'user:1', NOW_MS).toString('hex')).toBe(
      [
        '48010603', // flags: negative and versioned
        '69642d3862797465',
        CHECK_OF_USER_1,
        '018bcfe56800',
        '000000ea60',
        '0000057e40',
        '000019',
        'fffffffffffffffe', // version
        '6e732d746f6b656e',
        '02',
        `0a${hex('org:1')}${hex('hardpart')}`, // 5 bytes of name, no soft part
        `05${hex('é')}${hex('hardpartsoftpart')}`, // 2 bytes of name, and a soft part
        '7b2261223a317d',
      ].join(''),
    )
  })

  test('under a hashed name: the key, whole, behind the version and before the namespace token', () => {
    const head = ['69642d3862797465', CHECK_OF_USER_1, '018bcfe56800', '000000ea60', '0000057e40', '000019']
    expect(encodeEntry(ENTRY, 'user:1', NOW_MS, HASHED).toString('hex')).toBe(
      [
        '48010800', // flags: carries its key
        ...head,
        `0c${hex('user:1')}`, // 6 bytes of UTF-8
        '6e732d746f6b656e',
        '00',
        '7b2261223a317d',
      ].join(''),
    )
    const versioned = encodeEntry({ ...ENTRY, version: -2n }, 'user:1', NOW_MS, HASHED)
    expect(versioned.toString('hex', 0, 54)).toBe(
      ['48010c00', ...head, 'fffffffffffffffe', `0c${hex('user:1')}`].join(''),
    )
  })

  test.each([
    ['é', '04c3a9'],
    ['\ufffd', '06efbfbd'],
    // Text that has no form in UTF-8: UTF-16, little-endian, which the lowest bit of the length says.
    ['\ud800', '0500d8'],
    ['a\udfff', '096100ffdf'],
    ['x'.repeat(8192), `808001${hex('x'.repeat(8192))}`],
  ])('under a hashed name the key %j is its bytes behind twice their number', (key, bytes) => {
    expect(encodeEntry(ENTRY, key, NOW_MS, HASHED).toString('hex', 39, 39 + bytes.length / 2)).toBe(bytes)
  })

  test('48 bytes and nothing else are added to an untagged value; a tag costs its name and 9', () => {
    const untagged = encodeEntry(ENTRY, 'k', NOW_MS).length
    expect(untagged - ENTRY.payload.length).toBe(48)
    const tagged = encodeEntry({ ...ENTRY, tags: [{ name: 'org:1', token: 'hardpart' }] }, 'k', NOW_MS).length
    expect(tagged - untagged).toBe(5 + 9)
    expect(encodeEntry(ENTRY, 'k', NOW_MS, WHOLE)).toEqual(encodeEntry(ENTRY, 'k', NOW_MS))
  })

  test('the head is the beginning of the whole', () => {
    for (const entry of [ENTRY, TAGGED]) {
      for (const name of [WHOLE, HASHED]) {
        const head = encodeEntryHead(entry, 'k', NOW_MS, name)
        const whole = encodeEntry(entry, 'k', NOW_MS, name)
        expect(whole.subarray(0, head.length)).toEqual(head)
        expect(whole.toString('latin1', head.length, head.length + 8)).toBe(entry.namespaceToken)
      }
    }
  })

  test('lives beyond the fields are kept as their longest', () => {
    const entry = { ...ENTRY, ttlMs: 1e15, keepMs: 1e15, loadMs: 1e9 }
    expect(decodeEntry(encodeEntry(entry, 'k', NOW_MS), 'k', NOW_MS)).toMatchObject({
      freshMs: 2 ** 40 - 1,
      keepMs: 2 ** 40 - 1,
      loadMs: 2 ** 24 - 1,
    })
  })
})

describe('decodeEntry', () => {
  const token = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((unit) => String.fromCharCode(unit)),
    minLength: 8,
    maxLength: 8,
  })
  const entries = fc.record({
    id: token,
    payload: fc.uint8Array({ maxLength: 200 }),
    codec: fc.integer({ min: 0, max: 255 }),
    flags: fc.constantFrom(0, ENTRY_FLAG_NEGATIVE),
    ttlMs: fc.integer({ min: 1, max: 1e9 }),
    keepMs: fc.integer({ min: 1, max: 1e9 }),
    loadMs: fc.integer({ min: 0, max: 1e6 }),
    namespaceToken: token,
    tags: fc.array(
      fc.record({
        name: fc
          .string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
          .filter((name) => name.isWellFormed()),
        token: fc.oneof(
          token,
          fc.tuple(token, token).map(([hard, soft]) => hard + soft),
        ),
      }),
      { maxLength: 5 },
    ),
    version: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: undefined }),
  })

  test('gives back what was encoded', () => {
    const keys = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(entries, keys, fc.constantFrom(WHOLE, HASHED), ({ version, ...rest }, key, name) => {
        const entry: NewEntry = version === undefined ? rest : { ...rest, version }
        const decoded = decodeEntry(encodeEntry(entry, key, NOW_MS, name), key, NOW_MS + 500, '', name)
        expect(decoded).toEqual({
          readable: true,
          id: entry.id,
          seen: entry.id,
          payload: Buffer.from(entry.payload),
          codec: entry.codec,
          flags: entry.flags,
          readAtMs: NOW_MS + 500,
          ageMs: 500,
          freshMs: entry.ttlMs - 500,
          keepMs: entry.keepMs - 500,
          loadMs: entry.loadMs,
          version,
          namespaceToken: entry.namespaceToken,
          tags: entry.tags,
        })
      }),
    )
  })

  test.for([
    ['untagged', ENTRY, WHOLE],
    ['tagged', TAGGED, WHOLE],
    ['untagged under a hashed name', ENTRY, HASHED],
    ['tagged under a hashed name', TAGGED, HASHED],
  ] as const)('%s: bytes that end early are no entry, wherever they end', ([, entry, name]) => {
    const bytes = encodeEntry(entry, 'k', NOW_MS, name)
    const payloadAt = bytes.length - entry.payload.length
    const readable = (length: number) =>
      decodeEntry(bytes.subarray(0, length), 'k', NOW_MS, '', name).readable
    for (let length = 0; length < payloadAt; length++) expect(readable(length), `${length} bytes`).toBe(false)
    // Behind the header only the codec can tell.
    expect(readable(payloadAt)).toBe(true)
  })

  test('one flipped byte, or any bytes at all, never throw', () => {
    for (const name of [WHOLE, HASHED]) {
      const whole = encodeEntry(TAGGED, 'k', NOW_MS, name)
      for (let at = 0; at < whole.length; at++) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const bytes = Buffer.from(whole)
          bytes[at] = value
          decodeEntry(bytes, 'k', NOW_MS, '', name)
        }
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(WHOLE, HASHED), (bytes, name) => {
        expect(decodeEntry(Buffer.from(bytes), 'k', NOW_MS, '', name).readable).toBe(false)
      }),
    )
  })

  test('a number of tags or a length beyond the bytes is truncation, found at once', () => {
    const bytes = Buffer.concat([
      encodeEntry(ENTRY, 'k', NOW_MS).subarray(0, 47),
      Buffer.from('ffff7f', 'hex'),
    ])
    expect(decodeEntry(bytes, 'k', NOW_MS)).toMatchObject({ readable: false, reason: 'truncated' })
    const endless = Buffer.concat([bytes.subarray(0, 47), Buffer.alloc(5, 0xff)])
    expect(decodeEntry(endless, 'k', NOW_MS)).toMatchObject({ readable: false, reason: 'truncated' })
  })

  test('another key, another format and foreign bytes are unreadable, and say what stands there', () => {
    const bytes = encodeEntry(ENTRY, 'user:1', NOW_MS)
    expect(decodeEntry(bytes, 'user:2', NOW_MS)).toEqual({
      readable: false,
      reason: 'another key',
      seen: 'id-8byte',
    })
    const newer = Buffer.from(bytes)
    newer[1] = 2
    expect(decodeEntry(newer, 'user:1', NOW_MS)).toEqual({
      readable: false,
      reason: 'format 2',
      seen: 'id-8byte',
    })
    for (const foreign of ['{"json":"of someone else, and long enough to be one of ours"}', '']) {
      expect(decodeEntry(Buffer.from(foreign), 'k', NOW_MS)).toEqual({
        readable: false,
        reason: 'not an entry',
        seen: foreign.slice(4, 12),
      })
    }
  })

  test('ages by the server: stale from ttl on, gone from keep on', () => {
    const bytes = encodeEntry(ENTRY, 'k', NOW_MS)
    expect(decodeEntry(bytes, 'k', NOW_MS + 60_000)).toMatchObject({
      ageMs: 60_000,
      freshMs: 0,
      keepMs: 300_000,
    })
    expect(decodeEntry(bytes, 'k', NOW_MS + 360_001)).toMatchObject({ freshMs: -300_001, keepMs: -1 })
  })

  test('a server clock that was set back makes no entry younger than now', () => {
    expect(decodeEntry(encodeEntry(ENTRY, 'k', NOW_MS), 'k', NOW_MS - 3_600_000)).toMatchObject({
      ageMs: 0,
      freshMs: 60_000,
    })
  })

  test('expired by hand is stale however young', () => {
    const bytes = encodeEntry({ ...ENTRY, flags: ENTRY_FLAG_STALE }, 'k', NOW_MS)
    expect(decodeEntry(bytes, 'k', NOW_MS)).toMatchObject({ freshMs: 0, flags: ENTRY_FLAG_STALE })
    expect(decodeEntry(bytes, 'k', NOW_MS + 61_000)).toMatchObject({ freshMs: -1_000 })
  })
})

test('the bytes of one key under any other are unreadable (S1)', () => {
  const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(key, key, (written, asked) => {
      const decoded = decodeEntry(encodeEntry(TAGGED, written, NOW_MS), asked, NOW_MS)
      expect(decoded.readable).toBe(written === asked)
    }),
  )
})

describe('an entry under a hashed name', () => {
  const anotherKey = { readable: false, reason: 'another key' }

  /** The bytes with the check that `key` would have under their id: whoever can write them can compute it. */
  function forged(bytes: Buffer, key: string): Buffer {
    const copy = Buffer.from(bytes)
    encodeEntry({ ...ENTRY, id: copy.toString('latin1', 4, 12) }, key, NOW_MS).copy(copy, 12, 12, 20)
    return copy
  }

  test('is the key that it carries, whatever its check is', () => {
    const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(key, key, fc.constantFrom(ENTRY, TAGGED), (written, asked, entry) => {
        fc.pre(written !== asked)
        const whole = encodeEntry(entry, written, NOW_MS, HASHED)
        for (const name of [HASHED, WHOLE]) {
          expect(decodeEntry(forged(whole, asked), asked, NOW_MS, '', name)).toMatchObject(anotherKey)
        }
        // Its check alone would be believed.
        const { payload } = decodedAt(forged(encodeEntry(entry, written, NOW_MS), asked), NOW_MS, asked)
        expect(payload).toEqual(entry.payload)
      }),
    )
  })

  test.each([
    ['begins with it', 'k'.repeat(300), 'k'.repeat(299)],
    ['is the beginning of it', 'k'.repeat(299), 'k'.repeat(300)],
    ['differs in its last character', `${'k'.repeat(299)}a`, `${'k'.repeat(299)}b`],
    ['is half another surrogate', '\ud800', '\ud801'],
    ['is what stands for half a surrogate', '\ud800', '\ufffd'],
    [
      'has the same bytes in the other form',
      '\ud800\u0061',
      Buffer.from('\ud800\u0061', 'utf16le').toString('latin1'),
    ],
  ])('is not the key that %s', (_, written, asked) => {
    const bytes = forged(encodeEntry(ENTRY, written, NOW_MS, HASHED), asked)
    expect(decodeEntry(bytes, asked, NOW_MS, '', HASHED)).toMatchObject(anotherKey)
  })

  test("that carries no key is nobody's", () => {
    const bytes = encodeEntry(ENTRY, 'k', NOW_MS)
    expect(decodeEntry(bytes, 'k', NOW_MS)).toMatchObject({ readable: true })
    expect(decodeEntry(bytes, 'k', NOW_MS, '-behind', HASHED)).toEqual({
      ...anotherKey,
      seen: 'id-8byte-behind',
    })
    // Flagged, and without one: what stands there is the namespace token.
    bytes[2] = 8
    expect(decodeEntry(bytes, 'k', NOW_MS, '', HASHED)).toMatchObject(anotherKey)
  })

  test("whose key claims any length is another key's, found at once", () => {
    const bytes = encodeEntry(ENTRY, 'k', NOW_MS, HASHED)
    for (const length of ['ffff7f', 'ffffff', '00', '01', '03', '80']) {
      const hostile = Buffer.concat([bytes.subarray(0, 39), Buffer.from(length, 'hex'), bytes.subarray(40)])
      expect(decodeEntry(hostile, 'k', NOW_MS, '', HASHED)).toMatchObject(anotherKey)
    }
  })

  test('keeps its key when it is expired', () => {
    const key = 'k'.repeat(300)
    const expired = expireEntry(encodeEntry(TAGGED, key, NOW_MS, HASHED), NOW_MS + 10_000)
    const flags = ENTRY_FLAG_NEGATIVE | ENTRY_FLAG_STALE
    expect(decodeEntry(expired, key, NOW_MS + 10_000, '', HASHED)).toMatchObject({ freshMs: 0, flags })
    expect(decodeEntry(forged(expired, 'other'), 'other', NOW_MS, '', HASHED)).toMatchObject(anotherKey)
  })
})

describe('expireEntry', () => {
  test('marks a copy as stale since now, or since its ttl where that is over, and moves nothing else', () => {
    const bytes = encodeEntry(TAGGED, 'k', NOW_MS)
    const expired = expireEntry(bytes, NOW_MS + 10_000)
    expect(decodeEntry(bytes, 'k', NOW_MS + 15_000)).toMatchObject({ freshMs: 45_000 })
    const { freshMs, flags, ...rest } = decodedAt(expired, NOW_MS + 15_000)
    expect({ freshMs, flags }).toEqual({ freshMs: -5_000, flags: ENTRY_FLAG_NEGATIVE | ENTRY_FLAG_STALE })
    const { freshMs: _freshMs, flags: _flags, ...untouched } = decodedAt(bytes, NOW_MS + 15_000)
    expect(rest).toEqual(untouched)
    expect(decodedAt(expireEntry(bytes, NOW_MS + 90_000), NOW_MS + 90_000).freshMs).toBe(-30_000)
    // Expired twice: stale since the first time.
    expect(decodedAt(expireEntry(expired, NOW_MS + 20_000), NOW_MS + 20_000).freshMs).toBe(-10_000)
  })
})

describe('soft parts', () => {
  test('tell when the tag was expired', () => {
    const soft = softPart(NOW_MS + 0.7, 'random!!')
    expect(soft).toHaveLength(8)
    expect(softenedAtMs(`hardpart${soft}`)).toBe(NOW_MS)
    expect(softenedAtMs('hardpart')).toBeUndefined()
  })

  test('of one moment differ', () => {
    expect(softPart(NOW_MS, 'aaaaaaaa')).not.toBe(softPart(NOW_MS, 'aaaaaaab'))
  })
})

describe('tokens and checks', () => {
  test('the hard part of a token is its first 8 characters', () => {
    expect(hardPart('hardpart')).toBe('hardpart')
    expect(hardPart('hardpartsoftpart')).toBe('hardpart')
  })
})

function decodedAt(bytes: Buffer, serverNowMs: number, key = 'k'): StoredEntry {
  const decoded = decodeEntry(bytes, key, serverNowMs)
  if (decoded.readable) return decoded
  throw new Error(`unreadable: ${decoded.reason}`)
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}
