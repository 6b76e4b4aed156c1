import { describe, expect, test } from 'vitest'
import { readServerFacts } from './server-facts.ts'

const PROBED = { hasExplicitCas: false, hasConditionalGet: false }

function factsOf(version: string, settings: Readonly<Record<string, string>> = {}) {
  const stats = { version, pid: '7', time: '1800000000', uptime: '10', limit_maxbytes: '67108864' }
  return readServerFacts(new Map(Object.entries(stats)), new Map(Object.entries(settings)), PROBED)
}

describe('servers that are older than what is tested', () => {
  test.each(['1.6.18', '1.6.18_2', '1.6.45', '1.6.100', '1.7.0', '1.10.1', '2.0.0', 'unknown'])(
    '%s is taken',
    (version) => {
      expect(factsOf(version).version).toBe(version)
    },
  )

  test.each(['1.6.17', '1.6.9', '1.6.0-rc1', '1.5.22', '1.4.100', '0.9.9'])('%s is refused', (version) => {
    expect(() => factsOf(version)).toThrow(
      expect.objectContaining({
        code: 'l2_unsupported',
        message: `the server is memcached ${version}: Holdfast needs Memcached 1.6.18 or newer`,
      }),
    )
  })
})

test.each([
  [{ auth_enabled_ascii: 'no' }, true],
  [{ auth_enabled_ascii: '/etc/memcached.users' }, false],
  // Whatever does not say so may ask.
  [{}, false],
])('settings of %o: everybody may ask: %s', (settings, isOpen) => {
  expect(factsOf('1.6.18', settings).isOpen).toBe(isOpen)
})
