import { expect, test } from 'vitest'
import { encodeCommand, parseReply, RedisReplyError } from './resp2.ts'

const every = Buffer.from('*6\r\n+OK\r\n-ERR no\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*2\r\n*-1\r\n*0\r\n')
const parsed = ['OK', new RedisReplyError('ERR no'), -7, Buffer.from('a\r\nb'), null, [null, []]]

test('a command is an array of binary safe bulk strings', () => {
  expect(encodeCommand(['SET', 'é', new Uint8Array([13, 10]), 5]).toString('latin1')).toBe(
    `*4\r\n$3\r\nSET\r\n$2\r\n${Buffer.from('é').toString('latin1')}\r\n$2\r\n\r\n\r\n$1\r\n5\r\n`,
  )
})

test('every kind of reply is read', () => {
  expect(parseReply(every, 0)).toEqual({ reply: parsed, next: every.length })
})

test('a reply that is cut anywhere is not read yet', () => {
  for (let length = 0; length < every.length; length++) {
    expect(parseReply(every.subarray(0, length), 0)).toBeUndefined()
  }
})

test('the next reply starts where the last one ended', () => {
  const both = Buffer.from(':1\r\n$1\r\nx\r\n')
  expect(parseReply(both, 4)).toEqual({ reply: Buffer.from('x'), next: both.length })
})

test('what is no RESP2 throws, and so does bottomless nesting', () => {
  expect(() => parseReply(Buffer.from('HTTP/1.1 400\r\n'), 0)).toThrow('no RESP2')
  expect(() => parseReply(Buffer.from('*1\r\n'.repeat(100)), 0)).toThrow('nested')
})
