/** S6 and S7: what broke other decoders, and what a decoder could be made to spend. */
import { serialize } from 'node:v8'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../clock.ts'
import { CacheError } from '../errors.ts'
import { fastestMs, residentBytes } from '../testing/mutations.ts'
import { createCodec } from './codec.ts'
import { noTypes } from './named-types.ts'
import { handOut, seal } from './seal.ts'

const codec = createCodec({ types: noTypes })
const KNOWN_PROTOTYPES: readonly unknown[] = [null, Object.prototype, Array.prototype]

/** The bytes of a table, made by hand from its text. */
function tagged(text: string): Buffer {
  const body = Buffer.from(text)
  const header = Buffer.from([1, 0, 0, 0, 0])
  header.writeUInt32BE(body.length, 1)
  return Buffer.concat([header, body])
}

/** What a caller gets of these bytes, as a copy and as the shared object; undefined: a miss. */
function read(form: 0 | 1, payload: Buffer): unknown {
  try {
    for (const isolation of ['clone', 'freeze'] as const) {
      const sealed = seal(codec.decode(form, payload), { isolation, origin: 'decoded', types: noTypes })
      const value = handOut(sealed, noTypes)
      if (isolation === 'freeze') return value
    }
  } catch (error) {
    if (error instanceof CacheError && error.code === 'decode_failed') return undefined
    throw error
  }
}

/** Every object in a value is plain data of ours. */
function expectPlain(value: unknown, depth = 0): void {
  expect(typeof value).not.toBe('function')
  if (typeof value !== 'object' || value === null || depth > 10) return
  expect(KNOWN_PROTOTYPES).toContain(Object.getPrototypeOf(value))
  for (const name of Reflect.ownKeys(value)) expectPlain(Reflect.get(value, name), depth + 1)
}

const makesCode = vi.fn()
beforeEach(() => {
  vi.stubGlobal('eval', makesCode)
  vi.stubGlobal('Function', makesCode)
})
afterEach(() => {
  vi.unstubAllGlobals()
  expect(makesCode).not.toHaveBeenCalled()
  expect(Reflect.get({}, 'polluted')).toBe(undefined)
  expect(Reflect.get([], 'polluted')).toBe(undefined)
  expect(Reflect.get(globalThis, 'polluted')).toBe(undefined)
})

const CODE = 'function(){globalThis.polluted=1}()'
const TEXTS: readonly (readonly [advisory: string, text: string])[] = [
  ['CVE-2022-46175 (json5): __proto__ as a name', '{"__proto__":{"polluted":1}}'],
  ['CVE-2022-46175: below other names', '{"a":{"__proto__":{"polluted":1}},"b":[{"__proto__":null}]}'],
  ['constructor.prototype as a path of names', '{"constructor":{"prototype":{"polluted":1}}}'],
  ['CVE-2025-57820 (devalue): __proto__ in a node', '[[1],{"__proto__":[2]},{"polluted":true}]'],
  ['CVE-2025-57820: a reference by the name of a property', '[["__proto__"],{"polluted":true}]'],
  ['CVE-2025-57820: an element by a name', '[[1],[{"__proto__":[2],"0":[2]}],{"polluted":true}]'],
  ['CVE-2025-57820: __proto__ of an array', '[[1],[[[2],["__proto__"]]],{"polluted":true}]'],
  ['GHSA-33hq-fvwr-56pm (devalue): a sparse array by its length', '[[1],["Array",100000000]]'],
  ['GHSA-33hq-fvwr-56pm: a hole for each of few bytes', `[[1],[[${Array(1_000).fill('[-2]').join()}]]]`],
  ['GHSA-33hq-fvwr-56pm: an index far away', '[[1],[{"100000000":1}]]'],
  ['a typed array longer than its bytes', '[[1],["Float64Array",100000000]]'],
  [
    'GHSA-5888-ffcr-r425 (superjson): paths of meta',
    '{"json":{"a":1},"meta":{"values":{"__proto__.polluted":1}}}',
  ],
  [
    'GHSA-5888-ffcr-r425: references by path',
    '{"json":{"a":{"polluted":1}},"meta":{"referentialEqualities":{"a":["__proto__","constructor.prototype"]}}}',
  ],
  ['GHSA-9m65-766c-r333 (seroval): a node of another type', '[[2],["Map",1,2],["Named","Map",[1]]]'],
  ['GHSA-9m65-766c-r333: an object where an array is expected', '[[1],["Set",{"length":1,"0":1}]]'],
  ['GHSA-9m65-766c-r333: a tag of the chain', '[[1],["__proto__",{"polluted":1}]]'],
  ['node-serialize: text that is code', `{"rce":"_$$ND_FUNC$$_${CODE}"}`],
  ['js-yaml: a tag that is code', `!!js/function "${CODE}"`],
  ['CVE-2020-8165 (Rails): Marshal', '\u0004\bo:\u0015Gem::Requirement'],
  ['Django: pickle', "cos\nsystem\n(S'id'\ntR."],
  [
    'an object that looks like a promise',
    '{"then":{"constructor":{"name":"Function"}},"toJSON":1,"valueOf":1}',
  ],
]

describe('a value of plain data or a miss, and nothing polluted (S6, S7)', () => {
  test.each(TEXTS)('%s', (_advisory, text) => {
    expectPlain(read(0, Buffer.from(text)))
    expectPlain(read(1, tagged(text)))
    expectPlain(read(1, Buffer.from(text)))
  })

  test('v8.serialize: its bytes are never read as such', () => {
    const bytes = serialize({ polluted: 1 })
    expect(read(0, bytes)).toBe(undefined)
    expect(read(1, bytes)).toBe(undefined)
  })

  test('the names that pollute elsewhere are names: own, and readable', () => {
    const value = read(0, Buffer.from('{"__proto__":{"polluted":1},"constructor":1}'))
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')?.value).toEqual({ polluted: 1 })
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })
})

describe('what it may cost (S7)', () => {
  const ints = chosenNumbers(30_000)
  const floods: Record<string, Buffer> = {
    // The engine hashes a bigint by its lowest 64 bits.
    'bigints that hash alike': tagged(
      `[[1],["Set",${Array.from({ length: 40_000 }, (_, i) => `["${(i + 1).toString(16)}0000000000000001"]`).join()}]]`,
    ),
    'numbers that hash alike': tagged(`[[1],["Set",${ints.join()}]]`),
    'numbers that hash alike, as keys': tagged(`[[1],["Map",${ints.map((n) => `${n},0`).join()}]]`),
    // No two are the same, or the engine would compile one.
    'expressions of large classes': tagged(
      `[[1]${Array.from({ length: 200 }, (_, i) => `,["RegExp","${i}${'\\\\p{RGI_Emoji}'.repeat(7)}","iv",0]`).join('')}]`,
    ),
  }
  test.each(Object.entries(floods))('%s: given up long before the end', (_name, payload) => {
    const start = systemClock.now()
    expect(read(1, payload)).toBe(undefined)
    // Its allowance (50 ms, and a quarter of one per KB) four times, for a busy machine; unbounded each takes a second
    // or more on an idle one.
    expect(systemClock.now() - start).toBeLessThan(4 * (50 + (payload.length / 1024) * 0.25))
  })

  test('a large collection that nobody chose is read whole', () => {
    const members = Array.from({ length: 100_000 }, (_, i) => i * 7)
    expect(read(1, tagged(`[[1],["Set",${members.join()}]]`))).toEqual(new Set(members))
  })

  test.each([
    ['u', 'a'.repeat(1_025)],
    ['v', '\\p{RGI_Emoji}'.repeat(9)],
    ['iu', '\\P{L}'.repeat(8)],
  ])(
    'an expression that takes long to compile is refused by set, and by the reader: /%s',
    (flags, source) => {
      const text = JSON.stringify(['RegExp', source, flags, 0])
      const ms = fastestMs(50, () => expect(read(1, tagged(`[[1],${text}]`))).toBe(undefined))
      expect(ms).toBeLessThan(50)
      const given = { pattern: new RegExp(source, flags) }
      expect(() => seal(given, { isolation: 'freeze', origin: 'given', types: noTypes })).toThrow(
        /value\.pattern: .* takes long to compile/,
      )
      // Without the flag it costs nothing, and is kept.
      const kept = new RegExp('a'.repeat(10_000), 'i')
      expect(read(1, tagged(`[[1],${JSON.stringify(['RegExp', kept.source, 'i', 0])}]`))).toEqual(kept)
    },
  )

  // What costs most by the byte.
  const BYTES = 2 ** 18
  const heavy: Record<string, readonly [0 | 1, Buffer]> = {
    'empty objects': [0, Buffer.from(`[${'{},'.repeat(BYTES / 3)}1]`)],
    brackets: [0, Buffer.from('['.repeat(BYTES / 2) + ']'.repeat(BYTES / 2))],
    'nested objects': [0, Buffer.from(`${'{"a":'.repeat(BYTES / 6)}1${'}'.repeat(BYTES / 6)}`)],
    errors: [1, tagged(`[[1]${',["Error"]'.repeat(BYTES / 10)}]`)],
    addresses: [1, tagged(`[[1]${',["URL","a:"]'.repeat(BYTES / 13)}]`)],
    buffers: [1, tagged(`[[1]${',["ArrayBuffer",0]'.repeat(BYTES / 18)}]`)],
    'one bigint': [1, tagged(`[["${'f'.repeat(BYTES - 20)}"]]`)],
  }
  test.each(Object.entries(heavy))(
    '256 KB of %s cost time and memory in proportion',
    (_name, [form, payload]) => {
      const before = residentBytes()
      const start = systemClock.now()
      seal(codec.decode(form, payload), { isolation: 'freeze', origin: 'decoded', types: noTypes })
      // 5 to 50 ms on an idle machine, and ten times that on a busy one; the square of it would be minutes.
      expect(systemClock.now() - start).toBeLessThan(1_000)
      expect(residentBytes() - before).toBeLessThan(50 * 2 ** 20)
    },
  )
})

/** Numbers whose hash in V8 (Wang's mix of 32 bits, no seed) ends alike. Found in a second; an attacker has longer. */
function chosenNumbers(count: number): number[] {
  const chosen: number[] = []
  for (let n = 1; chosen.length < count; n++) {
    let mix = (~n + (n << 15)) | 0
    mix ^= mix >>> 12
    mix = (mix + (mix << 2)) | 0
    mix ^= mix >>> 4
    mix = Math.imul(mix, 2057)
    mix ^= mix >>> 16
    if ((mix & 0x3fff) === 5) chosen.push(n)
  }
  return chosen
}
