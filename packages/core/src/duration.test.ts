import { describe, expect, test } from 'vitest'
import { durationMs, sizeBytes } from './duration.ts'

describe('durationMs (B13)', () => {
  test.for([
    [1, 1],
    [0.5, 0.5],
    [2 ** 31 + 1, 2 ** 31 + 1],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['45d', 45 * 86_400_000],
    ['3650d', 315_360_000_000],
  ] as const)('%j is %d ms', ([value, ms]) => {
    expect(durationMs('ttl', value)).toBe(ms)
  })

  const bad = [
    0,
    -1,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number('1e400'),
    315_360_000_001,
  ]
  const badText = [
    '',
    '10',
    '10x',
    'x',
    '0s',
    '-5s',
    '+5s',
    '1e3s',
    ' 5s',
    '5s ',
    '5 s',
    '5S',
    '1h30m',
    '.5s',
    'NaNs',
    '٣s',
    '3651d',
  ]
  const badKinds = [null, undefined, true, 5n, new Date(), [5], { ms: 5 }, () => 5]
  test.for([...bad, ...badText, ...badKinds])('%o is refused, naming the argument', (value) => {
    expect(() => durationMs('swr', value)).toThrow(/^swr: expected a duration above 0 and up to 10 years/)
    expect(() => durationMs('swr', value)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })
})

describe('sizeBytes', () => {
  test.for([
    [1, 1],
    ['1b', 1],
    ['512kb', 524_288],
    ['64mb', 67_108_864],
    ['1.5KB', 1_536],
    ['2GB', 2_147_483_648],
  ] as const)('%j is %d bytes', ([value, bytes]) => {
    expect(sizeBytes('maxBytes', value)).toBe(bytes)
  })

  test.for([
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '0.1b',
    '0kb',
    '64',
    '64m',
    'mb',
    '',
    null,
    undefined,
    5n,
  ])('%o is refused, naming the argument', (value) => {
    expect(() => sizeBytes('l1.maxBytes', value)).toThrow(/^l1\.maxBytes: expected a size of at least 1 byte/)
  })
})
