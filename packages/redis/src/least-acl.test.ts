import { expect, test } from 'vitest'
import { leastAcl } from './least-acl.ts'

test('what is no name of a cache is refused: rules without one would reach every cache', () => {
  for (const [name, got] of [
    ['""', '""'],
    ['5', '5'],
    ['null', 'null'],
  ] as const) {
    expect(() => leastAcl(JSON.parse(name))).toThrow(
      `cacheName: expected the name of a cache, or nothing, got ${got}`,
    )
  }
  expect(leastAcl('shop')).toContain('~[vlqxtnei]:{4:shop*')
})
