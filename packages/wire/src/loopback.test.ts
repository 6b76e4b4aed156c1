import { expect, test } from 'vitest'
import { isLoopback } from './loopback.ts'

test.each([
  ['127.1.2.3', true],
  ['LOCALHOST', true],
  ['localhost.', true],
  ['api.localhost', true],
  ['::ffff:127.0.0.1', true],
  ['127.0.0.1.example.com', false],
  ['localhost.example.com', false],
  ['notlocalhost', false],
  ['128.0.0.1', false],
  ['::2', false],
])('%s is this machine: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})
