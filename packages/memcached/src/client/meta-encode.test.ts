import type { Command } from '@holdfast/wire'
import { expect, test } from 'vitest'
import { ma, md, mg, ms } from './meta-command.ts'
import { encodeMeta, encodeQuiet } from './meta-encode.ts'
import { metaKey } from './meta-key.ts'

const key = metaKey('k')
const binary = metaKey('a b')
/** The bytes as they go to the socket. */
function bytesOf(command: Command): string {
  if (typeof command === 'string') return command
  if (command instanceof Uint8Array) return Buffer.from(command).toString('latin1')
  if (!('writeTo' in command)) return command.map(bytesOf).join('')
  // One byte more on either side, which it must leave alone.
  const target = Buffer.alloc(command.bytes + 2, '!')
  command.writeTo(target, 1)
  expect([target.at(0), target.at(-1)]).toEqual([0x21, 0x21])
  return target.toString('latin1', 1, command.bytes + 1)
}

test.each([
  [mg(key, 'v c f N2'), 'mg k v c f N2 O7\r\n'],
  [mg(binary, 'v'), 'mg YSBi v O7 b\r\n'],
  [md(key), 'md k O7\r\n'],
  [md(key, 'I C5'), 'md k I C5 O7\r\n'],
  [ma(key, 'N0 J1'), 'ma k N0 J1 O7\r\n'],
  [ms(key, 'hé'.slice(0, 1), 'T0'), 'ms k 1 T0 O7\r\nh\r\n'],
  [ms(key, Buffer.from([0, 255, 13, 10]), ''), 'ms k 4 O7\r\n\0\xff\r\n\r\n'],
  [ms(binary, new Uint8Array([97, 98, 99]).subarray(1), 'C5 T60'), 'ms YSBi 2 C5 T60 O7 b\r\nbc\r\n'],
  [ms(key, '', 'ME'), 'ms k 0 ME O7\r\n\r\n'],
  [mg(metaKey('x'.repeat(250)), 'v'), `mg ${'x'.repeat(250)} v O7\r\n`],
  [ms(key, 'y'.repeat(1000), 'T0'), `ms k 1000 T0 O7\r\n${'y'.repeat(1000)}\r\n`],
])('%j', (command, wire) => {
  expect(bytesOf(encodeMeta(command, 7))).toBe(wire)
})

test.each([1, 9, 10, 99, 100, 12_345, 999_999])('the number %d', (opaque) => {
  expect(bytesOf(encodeMeta(mg(key, ''), opaque))).toBe(`mg k O${opaque}\r\n`)
})

test('a long value goes as it is, without a copy', () => {
  const value = Buffer.alloc(2000, 'x')
  const parts = encodeMeta(ms(key, value, 'T0'), 7)
  expect(Array.isArray(parts) && parts[1]).toBe(value)
  expect(bytesOf(parts)).toBe(`ms k 2000 T0 O7\r\n${'x'.repeat(2000)}\r\n`)
})

test('a batch numbers its commands in a row, has them keep quiet, and ends with mn', () => {
  const value = Buffer.alloc(2000, 'x')
  const commands = [mg(key, 'v'), ms(key, value, 'T0'), ms(binary, 'z', 'T0'), md(binary)]
  expect(bytesOf(encodeQuiet(commands, 7))).toBe(
    `mg k v O7 q\r\nms k 2000 T0 O8 q\r\n${'x'.repeat(2000)}\r\nms YSBi 1 T0 O9 b q\r\nz\r\nmd YSBi O10 b q\r\nmn\r\n`,
  )
  expect(bytesOf(encodeQuiet([mg(key, 'v')], 1))).toBe('mg k v O1 q\r\nmn\r\n')
})
