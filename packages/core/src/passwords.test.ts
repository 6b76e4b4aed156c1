/** S11: a URL that was meant for another place is not repeated with its password, whatever option it was given to. */
import { inspect } from 'node:util'
import { memoryStore } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { inProcessBus } from './bus/in-process-bus.ts'
import { createCache } from './create-cache.ts'

const URLS = [
  'redis://shop:hunter2@cache.example:6379/0',
  'memcacheds://shop:hunter2@a,b:11212?weight=3,memcached://shop:hunter2@c',
  // Not encoded, without a host, of the wrong form, and longer than what a message repeats.
  'redis://shop:p@ss/hunter2@cache.example',
  'redis://shop:hunter2',
  '  memcached://:hunter2@',
  `redis://${'shop'.repeat(20)}:hunter2@cache.example`,
]
const forms = URLS.flatMap((url): readonly unknown[] => [url, [url], { url }, { [url]: 1 }])
const FORBIDDEN = /hunter2/

const CACHE_OPTIONS = [
  ...[
    'ttl',
    'swr',
    'staleIfError',
    'negativeTtl',
    'jitter',
    'earlyRefresh',
    'softTimeout',
    'hardTimeout',
    'l1',
    'l2',
  ],
  ...[
    'l2Timeout',
    'maxConcurrentLoads',
    'maxValueBytes',
    'isolation',
    'types',
    'codec',
    'logger',
    'onEvent',
    'clock',
  ],
]
const L1_OPTIONS = ['maxEntries', 'maxBytes', 'policy', 'mode', 'maxStale', 'bus']
const CALL_OPTIONS = [
  ...[
    'ttl',
    'swr',
    'staleIfError',
    'negativeTtl',
    'jitter',
    'earlyRefresh',
    'softTimeout',
    'hardTimeout',
    'tags',
  ],
  ...['signal', 'consistency', 'validate', 'version', 'require'],
]

/** As thorough a look as there is: hidden properties, causes and stacks included. */
function textOf(thing: unknown): string {
  const shown = inspect(thing, { depth: null, showHidden: true, maxStringLength: null })
  return `${shown}\n${String(thing)}\n${thing instanceof Error ? thing.stack : JSON.stringify(thing)}`
}

/** What making a cache of it, and closing that, lets anybody see. */
async function seenOf(options: object): Promise<readonly unknown[]> {
  const seen: unknown[] = []
  const see = (thing: unknown): void => void seen.push(thing)
  const logger = { info: see, warn: see }
  try {
    const cache = createCache({ name: 'shop', logger, ...options })
    see(await cache.close())
  } catch (error) {
    see(error)
  }
  return seen
}

describe('no option repeats a password (S11)', () => {
  test.each(CACHE_OPTIONS)('createCache: %s', async (name) => {
    const codec = { id: 1, encode: () => 1, decode: () => 1 }
    const nested = (url: unknown) => [
      { [name]: { l1: url, l2: url, default: url, id: url, name: url } },
      { types: [{ name: url, is: 1 }], codec: { ...codec, id: url } },
    ]
    for (const form of forms) {
      for (const options of [{ [name]: form }, ...nested(form)]) {
        const seen = await seenOf(options)
        expect(seen.length).toBeGreaterThan(0)
        for (const thing of seen) expect(textOf(thing)).not.toMatch(FORBIDDEN)
      }
    }
  })

  test.each(L1_OPTIONS)('createCache: l1.%s', async (name) => {
    const buses = (form: unknown) => [form, { open: form }, { ...inProcessBus(), secret: form }]
    for (const form of forms.flatMap(buses)) {
      const l1 = { mode: 'bus', bus: inProcessBus(), [name]: form }
      const seen = await seenOf({ l1, l2: memoryStore() })
      expect(seen.length).toBeGreaterThan(0)
      for (const thing of seen) expect(textOf(thing)).not.toMatch(FORBIDDEN)
    }
  })

  test.each(URLS)('a name, and an option, that is %j', async (url) => {
    for (const options of [{ name: url }, { [url]: 1 }, { l1: { [url]: 1 } }]) {
      const seen = await seenOf(options)
      expect(seen.length).toBeGreaterThan(0)
      for (const thing of seen) expect(textOf(thing)).not.toMatch(FORBIDDEN)
    }
    // @ts-expect-error what plain JavaScript may do
    expect(textOf(catchError(() => createCache(url)))).not.toMatch(FORBIDDEN)
  })

  test.each(CALL_OPTIONS)('a call: %s', async (name) => {
    await using cache = createCache({ name: 'shop' })
    for (const form of forms) {
      const options: object = { [name]: form }
      const calls: readonly (() => Promise<unknown>)[] = [
        // @ts-expect-error what plain JavaScript may do
        () => cache.get('k', form),
        () => cache.get('k', options),
        () => cache.set('k', 1, options),
        () => cache.getOrSet('k', () => 1, options),
        () => cache.delete('k', options),
      ]
      // A URL may be a tag: then there is an answer.
      for (const call of calls)
        expect(textOf(await call().catch((error: unknown) => error))).not.toMatch(FORBIDDEN)
    }
  })

  test('the look is thorough: it finds the password wherever it would be', () => {
    const [url = ''] = URLS
    const hidden = Object.defineProperty({}, 'url', { value: url, enumerable: false })
    for (const leak of [
      new Error('outer', { cause: new Error(url) }),
      { deep: [{ deeper: { url } }] },
      hidden,
      url,
    ])
      expect(textOf(leak)).toMatch(FORBIDDEN)
  })
})

function catchError(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
