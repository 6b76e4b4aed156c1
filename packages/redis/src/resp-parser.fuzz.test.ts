import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RespParser } from './resp-parser.ts'
import { RespProtocolError } from './resp-protocol-error.ts'
import { RespError, type RespValue } from './resp-value.ts'

/** One line of text: no CR or LF, and no lone surrogates, which UTF-8 cannot carry. */
const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, '.'))

const { value } = fc.letrec<{ value: RespValue; leaf: RespValue }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((n) => !Number.isSafeInteger(Number(n))),
    fc.bigInt({ min: 2n ** 64n, max: 2n ** 200n }),
    fc.double().filter((n) => !Number.isInteger(n)),
    line,
    line.map((text) => new RespError(text)),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  ),
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 10 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 8 }),
    fc
      .array(fc.tuple(line, tie('value')), { maxLength: 5 })
      .map((pairs) => new Map<RespValue, RespValue>(pairs)),
  ),
}))

function encode(value: RespValue): Buffer {
  if (value === null) return Buffer.from('_\r\n')
  if (typeof value === 'boolean') return Buffer.from(value ? '#t\r\n' : '#f\r\n')
  if (typeof value === 'bigint') return Buffer.from(value < 2n ** 63n ? `:${value}\r\n` : `(${value}\r\n`)
  if (typeof value === 'number')
    return Buffer.from(Number.isInteger(value) ? `:${value}\r\n` : `,${doubleText(value)}\r\n`)
  if (typeof value === 'string') return Buffer.from(`+${value}\r\n`)
  if (value instanceof RespError) return Buffer.from(`-${value.message}\r\n`)
  if (Buffer.isBuffer(value))
    return Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')])
  if (Array.isArray(value)) return Buffer.concat([Buffer.from(`*${value.length}\r\n`), ...value.map(encode)])
  if (!(value instanceof Map)) throw new TypeError('a parser alone makes these')
  return Buffer.concat([Buffer.from(`%${value.size}\r\n`), ...[...value].flat().map(encode)])
}

function doubleText(value: number): string {
  return Number.isNaN(value) ? 'nan' : String(value).replace('Infinity', 'inf')
}

interface Collected {
  readonly replies: RespValue[]
  readonly pushes: RespValue[]
}

/**
 * Feeds `wire` in chunks of the given sizes, over and over; each chunk is destroyed after its read. `borrows`: replies
 * are copied when they are told, as whoever is done with them then may do.
 */
function feed(wire: Buffer, sizes: readonly number[], borrows = false): Collected {
  const collected: Collected = { replies: [], pushes: [] }
  const sink = {
    borrows,
    reply: (reply: RespValue) => void collected.replies.push(borrows ? copyOf(reply) : reply),
    push: (push: RespValue) => void collected.pushes.push(push),
  }
  const parser = new RespParser()
  for (let at = 0, i = 0; at < wire.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    const lent = Buffer.from(wire.subarray(at, at + size))
    parser.read(lent, sink)
    lent.fill(0xee)
    at += size
  }
  return collected
}

function copyOf(value: RespValue): RespValue {
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(copyOf)
  return value instanceof Map ? new Map([...value].map(([key, item]) => [key, copyOf(item)])) : value
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })

test('any values come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 6 }), sizes, fc.boolean(), (values, cuts, borrows) => {
      expect(feed(Buffer.concat(values.map(encode)), cuts, borrows).replies).toEqual(values)
    }),
    { numRuns: 500 },
  )
})

test('pushes between replies are told apart from them', () => {
  const message = fc.record({ isPush: fc.boolean(), items: fc.array(value, { maxLength: 3 }) })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), sizes, fc.boolean(), (messages, cuts, borrows) => {
      const wire = messages.map(({ isPush, items }) => {
        const bytes = encode(items)
        if (isPush) bytes[0] = '>'.charCodeAt(0)
        return bytes
      })
      const collected = feed(Buffer.concat(wire), cuts, borrows)
      expect(collected.replies).toEqual(messages.filter((m) => !m.isPush).map((m) => m.items))
      expect(collected.pushes).toEqual(messages.filter((m) => m.isPush).map((m) => m.items))
    }),
    { numRuns: 200 },
  )
})

test('garbage ends in a protocol error or in silence, never in anything else', () => {
  const byte = fc.oneof(fc.constantFrom(...Buffer.from('+-:$*_#,(!=%~>|?0123456789\r\n\r\n')), fc.nat(255))
  const noise = fc.array(byte, { maxLength: 200 }).map((bytes) => Buffer.from(bytes))
  const damaged = fc
    .tuple(fc.array(value, { maxLength: 4 }), fc.nat(), fc.nat(255))
    .map(([values, at, byte]) => {
      const wire = Buffer.concat(values.map(encode))
      if (wire.length > 0) wire[at % wire.length] = byte
      return wire
    })
  fc.assert(
    fc.property(fc.oneof(noise, damaged), sizes, (wire, cuts) => {
      try {
        feed(wire, cuts)
      } catch (error) {
        expect(error).toBeInstanceOf(RespProtocolError)
      }
    }),
    { numRuns: 3000 },
  )
})

test('garbage is refused or accepted alike, however it is cut', () => {
  const noise = fc.array(fc.constantFrom(...Buffer.from('+:$*_#>|012\r\n\r\n')), { maxLength: 40 })
  const outcome = (wire: Buffer, cuts: readonly number[]): Collected | 'refused' => {
    try {
      return feed(wire, cuts)
    } catch {
      return 'refused'
    }
  }
  fc.assert(
    fc.property(noise, sizes, (bytes, cuts) => {
      expect(outcome(Buffer.from(bytes), cuts)).toEqual(outcome(Buffer.from(bytes), [1]))
    }),
    { numRuns: 3000 },
  )
})
