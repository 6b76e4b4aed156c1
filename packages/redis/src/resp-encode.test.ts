import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeCommand, type RespArgument } from './resp-encode.ts'
import { RespParser } from './resp-parser.ts'
import type { RespValue } from './resp-value.ts'

/** The bytes as they leave: strings are binary. */
function bytesOf(args: readonly RespArgument[]): Buffer {
  const command = encodeCommand(args)
  const parts = typeof command === 'string' || command instanceof Uint8Array ? [command] : command
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
}

/** What a server reads: a command has the form of an array of bulks, so our parser can play the server. */
function readBack(bytes: Buffer): RespValue[] {
  const read: RespValue[] = []
  new RespParser().read(bytes, { reply: (value) => void read.push(value), push: () => {} })
  return read
}

test('short text is one string', () => {
  expect(encodeCommand(['GET', 'key'])).toBe('*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n')
  expect(encodeCommand(['SET', 'k', 12])).toBe('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n12\r\n')
  expect(encodeCommand(['ECHO', ''])).toBe('*2\r\n$4\r\nECHO\r\n$0\r\n\r\n')
})

test('the length of text is counted in bytes of UTF-8', () => {
  expect(bytesOf(['é😀']).toString()).toBe('*1\r\n$6\r\né😀\r\n')
  expect(bytesOf(['\x7f\x80']).toString('latin1')).toBe('*1\r\n$3\r\n\x7f\xc2\x80\r\n')
  // A lone surrogate leaves as the replacement character; names are made safe above this layer.
  expect(bytesOf(['\ud800']).toString()).toBe('*1\r\n$3\r\n\ufffd\r\n')
})

test('small bytes are copied into the text, large ones are handed on', () => {
  const small = Buffer.from([0, 255, 13, 10])
  expect(encodeCommand([small])).toBe('*1\r\n$4\r\n\x00\xff\r\n\r\n')
  expect(encodeCommand([new Uint8Array([1, 2, 3]).subarray(1)])).toBe('*1\r\n$2\r\n\x02\x03\r\n')
  const large = new Uint8Array(5000)
  const parts = encodeCommand(['SET', 'k', large, 'PX', 1])
  expect(parts).toEqual([expect.any(String), large, '\r\n$2\r\nPX\r\n$1\r\n1\r\n'])
  expect(Array.isArray(parts) && parts[1] === large).toBe(true)
})

test('numbers must be finite', () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    expect(() => encodeCommand(['SET', 'k', bad])).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    )
  }
  expect(encodeCommand([-1.5])).toBe('*1\r\n$4\r\n-1.5\r\n')
})

describe('injection', () => {
  test.each(['\r\nFLUSHALL\r\n', '$3\r\n', '*1\r\n$8\r\nFLUSHALL\r\n', '\0', '\r', '\n'])(
    '%j is inert',
    (evil) => {
      const args = ['SET', evil, Buffer.from(evil)]
      expect(readBack(bytesOf(args))).toEqual([[Buffer.from('SET'), Buffer.from(evil), Buffer.from(evil)]])
    },
  )

  test('any arguments arrive as one command with the same bytes', () => {
    const argument = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom('\r', '\n', '$', '*', '1', 'é') }),
      fc.uint8Array({ maxLength: 3000 }),
      fc.maxSafeInteger(),
    )
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 10 }), (args) => {
        const expected = args.map((arg) =>
          typeof arg === 'number' ? Buffer.from(String(arg)) : Buffer.from(arg),
        )
        expect(readBack(bytesOf(args))).toEqual([expected])
      }),
    )
  })
})
