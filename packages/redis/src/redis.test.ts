import { expect, test } from 'vitest'
import { redis } from './redis.ts'

test("failover is 'fence' or 'replay', and nothing is opened before the options are checked", () => {
  for (const failover of ['fence', 'replay'] as const) {
    expect(redis('redis://h', { failover }).open).toBeTypeOf('function')
  }
  const refused: readonly (readonly [options: object, message: string])[] = [
    [{ failover: 'ignore' }, `failover: expected 'fence' or 'replay', got "ignore"`],
    [{ failover: null }, "failover: expected 'fence' or 'replay', got null"],
    [{ failOver: 'fence' }, 'redis options: expected failover'],
    [JSON.parse('null'), 'redis options: expected an object, e.g. { tls: false }, got null'],
    [JSON.parse('"x"'), 'redis options: expected an object, e.g. { tls: false }, got text'],
  ]
  for (const [options, message] of refused) {
    expect(() => redis('redis://h', options)).toThrow(message)
  }
})
