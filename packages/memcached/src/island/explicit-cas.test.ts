import { systemClock } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { casFlag, countsOn, explicitCas, explicitCasToken, isExplicitCas } from './explicit-cas.ts'
import { islandRules } from './island-rules.ts'

const HIGHEST = 2n ** 64n - 1n
const knowing = { facts: { hasExplicitCas: true } }

function choose(token: string, client: object = knowing): string | undefined {
  const place = { client, clock: { token: () => token }, rules: islandRules }
  return explicitCas(place as Parameters<typeof explicitCas>[0])
}

describe('a chosen cas', () => {
  test('has 64 bits with the highest one set, and the others by chance', () => {
    expect(choose('\x00\x00\x00\x00\x00\x00\x00\x00')).toBe('9223372036854775808')
    expect(choose('\xff\xff\xff\xff\xff\xff\xff\xff')).toBe(`${HIGHEST}`)
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
    ['9223372036854775807', false],
    ['9223372036854775808', true],
    ['9999999999999999999', true],
    [`${HIGHEST}`, true],
    ['', false],
  ])('is told from what a server counts up to: %s', (cas, isChosen) => {
    expect(isExplicitCas(cas)).toBe(isChosen)
  })

  test('counts on any connection, another one on its own', () => {
    expect(countsOn('9223372036854775808', 1, 2)).toBe(true)
    expect(countsOn('5', 1, 2)).toBe(false)
    expect(countsOn('5', 2, 2)).toBe(true)
  })

  test('is a token by its 8 bytes, which are never those of the closing marker', () => {
    expect(explicitCasToken('9223372036854775809')).toBe('\x80\0\0\0\0\0\0\x01')
    expect(explicitCasToken(`${HIGHEST}`)).toBe('\xff'.repeat(8))
  })
})
