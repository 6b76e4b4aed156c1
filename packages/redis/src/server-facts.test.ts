import { describe, expect, test } from 'vitest'
import type { RespValue } from './resp-value.ts'
import { parseInfo, readServerFacts } from './server-facts.ts'

const hello = (mode = 'standalone', role = 'master'): RespValue =>
  new Map<RespValue, RespValue>([
    ['server', Buffer.from('redis')],
    ['version', Buffer.from('7.2.4')],
    ['mode', Buffer.from(mode)],
    ['role', Buffer.from(role)],
  ])
const facts = (info: string, mode?: string, role?: string) =>
  readServerFacts(hello(mode, role), parseInfo(info))

test('INFO is read line by line, comments left out, values with colons kept', () => {
  const info = parseInfo('# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n\r\nnonsense\r\n')
  expect([...info]).toEqual([
    ['redis_version', '7.0.15'],
    ['executable', '/a:b'],
  ])
  expect(parseInfo(Buffer.from('a:1\r\n')).get('a')).toBe('1')
  expect(parseInfo(null).size).toBe(0)
})

test('Redis and Valkey are told apart, and Valkey is judged by its own version', () => {
  const redis = facts('redis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\n')
  expect(redis).toEqual({ server: 'redis', version: '7.0.15', runId: 'abc', role: 'master' })
  const valkey = facts(
    'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nserver_mode:standalone\r\n',
  )
  expect(valkey).toMatchObject({ server: 'valkey', version: '8.1.0' })
})

test('a replica is told as one', () => {
  expect(facts('redis_version:7.0.0\r\n', 'standalone', 'replica').role).toBe('replica')
})

describe('what cannot be used', () => {
  test.each([
    ['redis_version:6.2.14\r\n', 'redis 6.2.14'],
    ['redis_version:5.0.0\r\n', 'redis 5.0.0'],
    ['redis_version:7.2.4\r\nvalkey_version:7.1.9\r\n', 'valkey 7.1.9'],
    ['redis_version:odd\\u001b[2J\r\n', 'redis odd'],
    ['redis_version:7.0.0\r\nredis_mode:cluster\r\n', 'redis 7.0.0 in "cluster" mode'],
    ['redis_version:7.0.0\r\nredis_mode:sentinel\r\n', 'redis 7.0.0 in "sentinel" mode'],
  ])('%j', (info, found) => {
    expect(() => facts(info)).toThrow(
      expect.objectContaining({
        code: 'l2_unsupported',
        message: expect.stringContaining(`the server is ${found}`),
      }),
    )
    expect(() => facts(info)).toThrow(
      'Holdfast needs one standalone Redis 7.0 or newer, or Valkey 7.2 or newer',
    )
  })

  test('10.0 is newer than 7.0', () => {
    expect(facts('redis_version:10.0.1\r\n').version).toBe('10.0.1')
  })
})
