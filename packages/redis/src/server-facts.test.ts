import { describe, expect, test } from 'vitest'
import type { RespValue } from './resp-value.ts'
import { dataOrigin, parseInfo, readServerFacts } from './server-facts.ts'

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
  expect(redis).toEqual({
    server: 'redis',
    version: '7.0.15',
    runId: 'abc',
    role: 'master',
    histories: [],
    primary: undefined,
  })
  const valkey = facts(
    'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nserver_mode:standalone\r\n',
  )
  expect(valkey).toMatchObject({ server: 'valkey', version: '8.1.0' })
})

describe('a replica', () => {
  const replica = (info: string) => facts(`redis_version:7.0.0\r\n${info}`, 'standalone', 'replica')

  test('is told as one, with the primary it names and the data that both have', () => {
    const link = 'master_host:10.0.0.7\r\nmaster_port:6380\r\nmaster_link_status:up\r\n'
    const { role, primary, histories } = replica(`${link}master_replid:new\r\nmaster_replid2:old\r\n`)
    expect(role).toBe('replica')
    expect(primary).toEqual({ host: '10.0.0.7', port: 6380, history: 'new' })
    expect(histories).toEqual(['new', 'old'])
  })

  test('that is not in step with its primary does not know the data of it', () => {
    const link = 'master_host:fd00::1\r\nmaster_port:6380\r\nmaster_link_status:down\r\n'
    expect(replica(`${link}master_replid:own\r\n`).primary).toEqual({
      host: 'fd00::1',
      port: 6380,
      history: undefined,
    })
  })

  test.each([
    ['', ''],
    ['a host\nFAKE LINE', '6379'],
    ['h', '0'],
    ['h', '65536'],
    ['h', ''],
  ])('whose primary is told as %j, %j names none', (host, port) => {
    expect(replica(`master_host:${host}\r\nmaster_port:${port}\r\n`).primary).toBeUndefined()
  })
})

test('data have another origin after each start and after each promotion', () => {
  const origins = [
    { runId: 'a', histories: ['h1', 'h0'] },
    { runId: 'a', histories: ['h2', 'h1'] },
    { runId: 'b', histories: ['h2', 'h1'] },
    { runId: 'b', histories: [] },
  ].map(dataOrigin)
  expect(new Set(origins).size).toBe(4)
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
