import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { leastBusAcl } from './least-bus-acl.ts'
import { type RedisBusOptions, redisBus } from './redis-bus.ts'

test('the least rights of a bus are the documented ones', async () => {
  const text = await readFile(new URL('../../../../docs/operate/redis.md', import.meta.url), 'utf8')
  expect(text).toContain(leastBusAcl().join(' '))
})

test('a name keeps them to one cache, whatever it is called', () => {
  expect(leastBusAcl('shop')).toContain('&holdfast:bus:0:shop')
  expect(leastBusAcl('sh*p[?]', 3)).toContain('&holdfast:bus:3:sh\\*p\\[\\?\\]')
  expect(() => leastBusAcl('')).toThrow('cacheName: expected the name of a cache')
})

// As plain JavaScript may have it.
const options = (json: string): RedisBusOptions => JSON.parse(json)

test.each([
  [() => redisBus('http://localhost'), 'redis url: protocol'],
  [() => redisBus('redis://:pass word@localhost'), 'redis url'],
  [
    () => redisBus(undefined, options('{"sceret":"x"}')),
    'redisBus options: expected secret or tls, got "sceret"',
  ],
  [() => redisBus(undefined, options('"secret"')), 'redisBus options: expected an object'],
  [() => redisBus('redis://localhost', { tls: { ca: 'x' } }), 'tls: expected a rediss:// url'],
])('a mistake in what it is given is named, and repeats no password: %#', (make, message) => {
  expect(make).toThrow(message)
  expect(make).not.toThrow('pass word')
})
