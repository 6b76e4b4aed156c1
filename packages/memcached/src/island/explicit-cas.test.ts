import { systemClock } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { casFlag, countsOn, explicitCas, explicitCasToken, isExplicitCas } from './explicit-cas.ts'
import { islandRules } from './island-rules.ts'

const knowing = { facts: { hasExplicitCas: true } }

function choose(token: string, client: object = knowing): string | undefined {
  const place = { client, clock: { token: () => token }, rules: islandRules }
  return explicitCas(place as Parameters<typeof explicitCas>[0])
}

describe('a chosen cas', () => {
  test('has 20 digits of at most 64 bits, and is never the same', () => {
    expect(choose('\x00\x00\x00\x00\x00\x00\x00\x00')).toBe('10000000000000000000')
    expect(choose('\xff\xff\xff\xff\x3b\x9a\xc9\xff')).toBe('14294967295999999999')
    expect(14294967295999999999n).toBeLessThan(2n ** 64n)
    const chosen = Array.from({ length: 1000 }, () => choose(systemClock.token()) ?? '')
    expect(new Set(chosen).size).toBe(chosen.length)
    expect(chosen.filter((cas) => !isExplicitCas(cas))).toEqual([])
  })

  test('is none where the server counts, or has not said', () => {
    expect(choose('anything', { facts: { hasExplicitCas: false } })).toBeUndefined()
    expect(choose('anything', {})).toBeUndefined()
    expect(casFlag(undefined)).toBe('')
  })

  test.each([
    ['1', false],
    ['9007199254740993', false],
    ['9999999999999999999', false],
    ['10000000000000000000', true],
    [`${2n ** 64n - 1n}`, true],
    ['', false],
  ])('is told from what a server counts up to: %s', (cas, isChosen) => {
    expect(isExplicitCas(cas)).toBe(isChosen)
  })

  test('counts on any connection, another one on its own', () => {
    expect(countsOn('10000000000000000000', 1, 2)).toBe(true)
    expect(countsOn('5', 1, 2)).toBe(false)
    expect(countsOn('5', 2, 2)).toBe(true)
  })

  test('is a token by 8 bytes of its own', () => {
    expect(explicitCasToken('10000000000000000000')).toBe('\0'.repeat(8))
    expect(explicitCasToken('14294967295999999999')).toBe('\xff\xff\xff\xff\x3b\x9a\xc9\xff')
    expect(explicitCasToken('12147483648000000001')).toBe('\x80\0\0\0\0\0\0\x01')
    // The closing marker has 4 bytes behind that no 9 digits make.
    expect(Buffer.from('oved').readUInt32BE()).toBeGreaterThan(999_999_999)
  })
})
