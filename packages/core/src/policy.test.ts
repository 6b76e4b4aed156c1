import { describe, expect, test } from 'vitest'
import { checkNames, checkTags, defaultPolicy, ENTRY_TAGS_MAX, resolvePolicy } from './policy.ts'

const base = defaultPolicy({})

/** Options as plain JavaScript, or a JSON file, may give them. */
function given(options: unknown): object {
  if (typeof options !== 'object' || options === null) throw new Error('expected an object')
  return options
}

describe('the default policy', () => {
  test('expires after 5 minutes, without windows, jittered by a tenth', () => {
    expect(base).toMatchObject({
      ttlMs: 300_000,
      l1TtlMs: 300_000,
      swrMs: 0,
      staleIfErrorMs: 0,
      negativeTtlMs: 0,
      jitter: 0.1,
      earlyRefresh: 0,
      softTimeoutMs: Number.POSITIVE_INFINITY,
      hardTimeoutMs: 60_000,
      tags: [],
    })
    expect(Object.isFrozen(base)).toBe(true)
  })
})

describe('resolvePolicy', () => {
  test('no options: the very same policy', () => {
    expect(resolvePolicy(base, undefined)).toBe(base)
  })

  test('what is not said is inherited, what is said counts', () => {
    const cache = defaultPolicy({ ttl: '1h', swr: '5m', staleIfError: '1d', negativeTtl: '10s', jitter: 0 })
    expect(resolvePolicy(cache, { ttl: '2h' })).toMatchObject({
      ttlMs: 7_200_000,
      l1TtlMs: 7_200_000,
      swrMs: 300_000,
      staleIfErrorMs: 86_400_000,
      negativeTtlMs: 10_000,
      jitter: 0,
    })
  })

  test('false switches off what the cache has on', () => {
    const cache = defaultPolicy({ swr: '5m', staleIfError: '1d', negativeTtl: '10s', softTimeout: '1s' })
    const off = { swr: false, staleIfError: false, negativeTtl: false, softTimeout: false } as const
    expect(resolvePolicy(cache, off)).toMatchObject({
      swrMs: 0,
      staleIfErrorMs: 0,
      negativeTtlMs: 0,
      softTimeoutMs: Number.POSITIVE_INFINITY,
    })
  })

  test('ttl by tier; a plain ttl of the call overrides both', () => {
    const tiered = defaultPolicy({ ttl: { l1: '10s', l2: '1h' } })
    expect(tiered).toMatchObject({ l1TtlMs: 10_000, ttlMs: 3_600_000 })
    expect(resolvePolicy(tiered, { swr: '1s' })).toMatchObject({ l1TtlMs: 10_000, ttlMs: 3_600_000 })
    expect(resolvePolicy(tiered, { ttl: '1m' })).toMatchObject({ l1TtlMs: 60_000, ttlMs: 60_000 })
  })

  test('tags: a list, or derived from the value', () => {
    expect(resolvePolicy(base, { tags: ['b', 'a', 'b'] }).tags).toEqual(['b', 'a'])
    const derive = () => ['x']
    expect(resolvePolicy(base, { tags: derive })).toMatchObject({ tags: [], deriveTags: derive })
    expect(resolvePolicy(resolvePolicy(base, { tags: derive }), { tags: ['a'] }).deriveTags).toBeUndefined()
  })

  test('a schema may be an object or a function', () => {
    const standard = { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } as const
    for (const validate of [{ '~standard': standard }, Object.assign(() => 1, { '~standard': standard })]) {
      expect(resolvePolicy(base, { validate }).validate).toBe(validate)
    }
  })

  test('a signal and exactness are of one call, and not inherited', () => {
    const { signal } = new AbortController()
    const once = resolvePolicy(base, { signal, consistency: 'strong' })
    expect(once).toMatchObject({ signal, strong: true })
    expect(resolvePolicy(once, {})).toMatchObject({ signal: undefined, strong: false })
  })

  test.for([
    [{ ttl: 0 }, 'ttl: expected a duration'],
    [{ ttl: '10x' }, 'ttl: expected a duration'],
    [{ ttl: Number.NaN }, 'ttl: expected a duration'],
    [{ ttl: Number('1e400') }, 'ttl: expected a duration'],
    [{ ttl: null }, 'ttl: expected a duration'],
    [{ ttl: false }, 'ttl: expected a duration'],
    [{ ttl: new Date(0) }, 'ttl'],
    [{ ttl: { l1: '1s' } }, 'ttl.l2: expected a duration'],
    [{ ttl: { l2: '1s' } }, 'ttl.l1: expected a duration'],
    [{ ttl: { l1: '1s', l3: '1s' } }, 'ttl: unknown option "l3"'],
    [{ ttl: ['1s', '2s'] }, 'ttl: expected an object'],
    [{ swr: true }, /^swr: expected a duration .*, or false, got true$/],
    [{ swr: 0 }, /^swr: expected a duration .*, or false, got 0$/],
    [{ staleIfError: '-1s' }, 'staleIfError: expected a duration'],
    [{ negativeTtl: 'soon' }, 'negativeTtl: expected a duration'],
    [{ softTimeout: Number.POSITIVE_INFINITY }, 'softTimeout: expected a duration'],
    [{ hardTimeout: false }, /^hardTimeout: expected a duration .*'1d', got false$/],
    [{ hardTimeout: '61s' }, 'hardTimeout: expected at most 60s'],
    [{ jitter: 1.1 }, 'jitter: expected a number from 0 to 1'],
    [{ jitter: -0.1 }, 'jitter'],
    [{ jitter: Number.NaN }, 'jitter'],
    [{ jitter: '0.1' }, 'jitter'],
    [{ earlyRefresh: 101 }, 'earlyRefresh: expected a number from 0'],
    [{ earlyRefresh: true }, 'earlyRefresh'],
    [{ signal: {} }, 'signal: expected an AbortSignal'],
    [{ signal: new AbortController() }, 'signal: expected an AbortSignal, got an AbortController'],
    [{ consistency: 'weak' }, "consistency: expected 'strong'"],
    [{ validate: {} }, 'validate: expected a Standard Schema'],
    [{ validate: null }, 'validate: expected a Standard Schema'],
    [{ validate: 1 }, 'validate: expected a Standard Schema'],
    [{ validate: { '~standard': null } }, 'validate: expected a Standard Schema'],
    [{ validate: { '~standard': { version: 1 } } }, 'validate: expected a Standard Schema'],
    [{ validate: { '~standard': { version: 2, validate: () => 1 } } }, 'a Standard Schema of version 1'],
    [{ tags: 'users' }, 'tags: expected an array of strings, or a function of the value'],
    [{ tags: ['a', ''] }, 'tags[1]: expected a non-empty string'],
    [{ tags: ['a', 7] }, 'tags[1]: expected a non-empty string, got 7'],
    [{ tags: new Set(['a']) }, 'tags: expected an array'],
  ] as const)('refuses %o', ([options, message]) => {
    expect(() => resolvePolicy(base, given(options))).toThrow(message)
    expect(() => resolvePolicy(base, given(options))).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    )
  })
})

describe('unknown options (B34)', () => {
  test.for([
    ['tll', 'did you mean ttl?'],
    ['TTL', 'did you mean ttl?'],
    ['stale_if_error', 'known are'],
    ['staleIfErr', 'did you mean staleIfError?'],
    ['negativeTTL', 'did you mean negativeTtl?'],
    ['tag', 'did you mean tags?'],
    ['hardTimeoutMs', 'did you mean hardTimeout?'],
    ['jitters', 'did you mean jitter?'],
    ['swrr', 'did you mean swr?'],
    ['colour', 'known are ttl, swr,'],
    ['constructor', 'known are'],
    ['toString', 'known are'],
    ['\n[ERROR]', 'unknown option "\\n[ERROR]"'],
  ] as const)('%j is refused: %s', ([name, message]) => {
    expect(() => resolvePolicy(base, given({ [name]: 1 }))).toThrow(message)
  })

  test('__proto__ from JSON is an unknown option, and pollutes nothing', () => {
    const options = given(JSON.parse('{"ttl":"1s","__proto__":{"swr":"1h"}}'))
    expect(() => resolvePolicy(base, options)).toThrow('unknown option "__proto__"')
    expect(resolvePolicy(base, { ttl: '1s' }).swrMs).toBe(0)
  })

  const noOptions = [
    [],
    null,
    'ttl',
    7,
    () => 1,
    new Map([['ttl', 1]]),
    Promise.resolve({}),
    /ttl/,
    new Date(),
  ]
  test.for(noOptions.map((options) => [options]))('options that are %o are refused', ([options]) => {
    // @ts-expect-error what plain JavaScript may do
    expect(() => checkNames('options', options, ['ttl'])).toThrow('options: expected an object')
  })
})

describe('checkTags (B27, B28)', () => {
  test('removes duplicates and keeps the order', () => {
    expect(checkTags(['b', 'a', 'b', '__proto__', 'constructor'])).toEqual([
      'b',
      'a',
      '__proto__',
      'constructor',
    ])
  })

  test('counts different tags only, up to the most that an entry may carry', () => {
    const most = Array.from({ length: ENTRY_TAGS_MAX }, (_, i) => `t${i}`)
    expect(checkTags([...most, ...most])).toEqual(most)
    expect(() => checkTags([...most, 'one more'])).toThrow('at most 64 different tags')
    expect(() => checkTags(Array.from({ length: 10_000 }, (_, i) => `t${i}`))).toThrow(
      'at most 64 different tags',
    )
  })

  test('a tag of a megabyte is refused without being printed', () => {
    expect(() => checkTags(['x'.repeat(1_048_576)])).toThrow(
      /^tags\[0\]: expected at most 512 characters, got ".{61}"$/,
    )
  })

  test('holes are refused', () => {
    // biome-ignore lint/suspicious/noSparseArray: this is the point
    expect(() => checkTags(['a', , 'b'])).toThrow('tags[1]')
  })
})
