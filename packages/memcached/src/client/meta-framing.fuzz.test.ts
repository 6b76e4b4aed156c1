import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MetaProtocolError } from './meta-protocol-error.ts'
import type { MetaReply } from './meta-reply.ts'
import { describeReply, feed } from './testing/feed.ts'

/** A reply, and its bytes as a server would send them. */
interface Sent {
  readonly wire: Buffer
  readonly meant: string
}

const flag = fc.oneof(
  fc.nat(999_999).map((n) => `O${n}`),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n) => `c${n}`),
  fc.nat(2 ** 31 - 1).map((n) => `f${n}`),
  fc.integer({ min: -1, max: 2 ** 31 - 1 }).map((n) => `t${n}`),
  fc.constantFrom('W', 'X', 'Z', 'b', 's7', 'h1', 'l12'),
  fc.stringMatching(/^k[\x21-\x7e]{1,250}$/),
)
// The same letter twice would mean the last of them.
const flags = fc.uniqueArray(flag, { selector: (text) => text.charAt(0), maxLength: 7 })

const meta = fc
  .tuple(fc.constantFrom('HD', 'VA', 'EN', 'NF', 'NS', 'EX', 'MN'), flags, fc.uint8Array({ maxLength: 200 }))
  .map(([code, texts, bytes]): Sent => {
    const value = Buffer.from(bytes)
    const head = [code, ...(code === 'VA' ? [`${value.length}`] : []), ...texts].join(' ')
    const body = code === 'VA' ? Buffer.concat([value, Buffer.from('\r\n')]) : Buffer.alloc(0)
    const wire = Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body])
    return { wire, meant: meaningOf(code, texts, value) }
  })

const classic = fc
  .tuple(
    fc.constantFrom('VERSION', 'STAT', 'END', 'OK', 'ERROR', 'SERVER_ERROR'),
    fc.stringMatching(/^[\x21-\x7e]{0,40}$/),
  )
  .map(([code, text]): Sent => {
    const line = text === '' ? code : `${code} ${text}`
    return { wire: Buffer.from(`${line}\r\n`), meant: text === '' ? code : `${code} "${text}"` }
  })

const replies = fc.array(fc.oneof({ weight: 4, arbitrary: meta }, classic), { maxLength: 8 })
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })

/** By the rules of the protocol and no parser of ours. */
function meaningOf(code: string, texts: readonly string[], value: Buffer): string {
  const of = (letter: string): string | undefined => texts.find((text) => text.startsWith(letter))?.slice(1)
  const opaque = of('O')
  const number = (text: string | undefined): string | undefined =>
    Number(text ?? 0) === 0 ? undefined : text
  const parts = [
    code === 'VA' ? `VA ${value.length}:${value.toString('latin1')}` : code,
    of('c') !== undefined && `cas ${of('c')}`,
    number(of('f')) !== undefined && `flags ${of('f')}`,
    of('t') !== undefined && `ttl ${of('t')}`,
    of('W') !== undefined && 'won',
    of('X') !== undefined && 'stale',
    of('Z') !== undefined && 'lost',
    number(opaque) !== undefined && `#${opaque}`,
  ]
  return parts.filter((part) => part !== false).join(' ')
}

test('any replies come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(replies, sizes, fc.boolean(), (sent, cuts, borrows) => {
      const wire = Buffer.concat(sent.map(({ wire }) => wire))
      expect(feed(wire, { sizes: cuts, borrows }).map(describeReply)).toEqual(sent.map(({ meant }) => meant))
    }),
    { numRuns: 1000 },
  )
})

test('garbage ends in a protocol error or in silence, never in anything else, and alike however it is cut', () => {
  const byte = fc.oneof(fc.constantFrom(...Buffer.from('VAHDENOKct 0129\r\n\r\n')), fc.nat(255))
  const noise = fc.array(byte, { maxLength: 100 }).map((bytes) => Buffer.from(bytes))
  const damaged = fc.tuple(replies, fc.nat(), fc.nat(255)).map(([sent, at, byte]) => {
    const wire = Buffer.concat(sent.map(({ wire }) => wire))
    if (wire.length > 0) wire[at % wire.length] = byte
    return wire
  })
  fc.assert(
    fc.property(fc.oneof(noise, damaged), sizes, (wire, cuts) => {
      expect(outcome(wire, cuts)).toEqual(outcome(wire, [wire.length || 1]))
    }),
    { numRuns: 3000 },
  )
})

function outcome(wire: Buffer, cuts: readonly number[]): readonly string[] {
  const replies: MetaReply[] = []
  try {
    feed(wire, { sizes: cuts, replies })
  } catch (error) {
    expect(error).toBeInstanceOf(MetaProtocolError)
    return [...replies.map(describeReply), 'refused']
  }
  return replies.map(describeReply)
}
