/** S16: whatever a key, a name or a value is called, a message or a log line is one line, and no longer than one. */
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { createCache } from '../create-cache.ts'
import { CacheError } from '../errors.ts'
import type { CacheOptions, EntryOptions } from '../options.ts'
import { errorOf } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

// What begins a line of its own to one reader or another, and what colours or hides one in a terminal.
const FORGED = '\n[ERROR] forged\r\u0085\u2028\u2029\u001b[31m\u0000\u009b31m'
const KEY = `user:${FORGED}${'x'.repeat(2_000)}`
const NAME = `shop${FORGED}${'x'.repeat(400)}`
const MESSAGE_CHARS_MAX = 400

function expectOneLine(text: string): void {
  expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
  expect(text.length, text).toBeLessThan(MESSAGE_CHARS_MAX)
  expect(text).not.toContain('x'.repeat(100))
}

/** Its message, that of each cause of ours, and the first line of what a console shows of it. */
function expectOneLineEach(error: unknown): void {
  expect(error).toBeInstanceOf(CacheError)
  for (let at = error; at instanceof CacheError; at = at.cause) {
    expectOneLine(at.message)
    const [shown = ''] = inspect(at).split('\n    at ')
    expect(shown.split('\n')).toHaveLength(1)
  }
}

let lines: string[]
const logger = {
  info: (line: string) => void lines.push(line),
  warn: (line: string) => void lines.push(line),
}
beforeEach(() => {
  lines = []
})
afterEach(() => {
  for (const line of lines) expectOneLine(line)
})

const fromPlainJs = <T>(value: unknown): T => JSON.parse('0', () => value)
const bad = (options: unknown): EntryOptions => fromPlainJs(options)

describe('errors of a call (S16)', () => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const calls: Readonly<Record<string, (cache: Cache) => Promise<unknown>>> = {
    'a loader that takes too long': (cache) => cache.getOrSet(KEY, never, { hardTimeout: '1s' }),
    'a value that cannot be kept': (cache) => cache.set(KEY, { [KEY]: { [FORGED]: () => 1 } }),
    'a class that cannot be kept': (cache) =>
      cache.set(KEY, new (Object.defineProperty(class {}, 'name', { value: KEY }))()),
    'a symbol that cannot be kept': (cache) => cache.set(KEY, { a: Object.assign(new Date(), { [KEY]: 1 }) }),
    'a property of an error that cannot be kept': (cache) =>
      cache.set(KEY, Object.assign(new Error(), { [Symbol(KEY)]: 1 })),
    'a schema that refuses': (cache) =>
      cache.getOrSet(KEY, () => 1, {
        validate: {
          '~standard': {
            version: 1,
            vendor: KEY,
            validate: () => ({ issues: [{ message: KEY, path: [KEY, FORGED] }] }),
          },
        },
      }),
    'a bulk loader that answers nonsense': (cache) => cache.getOrSetMany([KEY], () => fromPlainJs(KEY)),
    'a bulk loader that answers other keys': (cache) =>
      cache.getOrSetMany([KEY], () => fromPlainJs(new Map([[`${KEY}!`, 1]]))),
    'an unknown option': (cache) => cache.getOrSet(KEY, () => 1, bad({ [KEY]: 1 })),
    'a duration that is none': (cache) => cache.getOrSet(KEY, () => 1, bad({ ttl: KEY })),
    'a tag that is none': (cache) => cache.set(KEY, 1, { tags: [KEY] }),
    'a key that is too long': (cache) => cache.get(KEY.repeat(10)),
    'a key part that is none': (cache) => cache.get(fromPlainJs([{ [KEY]: new Map() }])),
    'a lone surrogate': (cache) => cache.get(`${KEY}\ud800`),
    'a loader that is none': (cache) => cache.getOrSet(KEY, fromPlainJs(KEY)),
    'a caller that aborts': (cache) =>
      cache.getOrSet(KEY, never, { signal: AbortSignal.abort(new CacheError('aborted', 'by the test')) }),
  }
  test.each(Object.entries(calls))('%s', async (_title, call) => {
    await using stage = new Stage()
    const { cache } = stage.node({ name: NAME, logger })
    const error = errorOf(call(cache))
    await stage.settle()
    await stage.advance(1_000)
    expectOneLineEach(await error)
  })

  test('a cache without room, one whose L2 is away, and one that is closed', async () => {
    await using stage = new Stage()
    const full = stage.alone({ name: NAME, logger, l1: { maxEntries: 1, policy: 'none' } })
    await full.set('k', 1)
    expectOneLineEach(await errorOf(full.set(KEY, 1)))
    const { cache } = stage.node({ name: NAME, logger })
    stage.server.stop()
    await stage.settle()
    expectOneLineEach(await errorOf(cache.delete(KEY, { require: 'applied' })))
    expectOneLineEach(await errorOf(cache.write({ keys: [KEY] }, () => 1)))
    const closing = errorOf(cache.namespace(FORGED).getOrSet(KEY, never))
    await stage.settle()
    await cache.close()
    expectOneLineEach(await closing)
    expectOneLineEach(await errorOf(cache.get(KEY)))
  })
})

test('trouble that only events tell of: too large, undecodable, refused by L2 (S16)', async () => {
  await using stage = new Stage()
  const errors: unknown[] = []
  const onEvent = ({ error }: { error?: unknown }): void => void errors.push(error)
  const options = { name: NAME, logger, maxValueBytes: 100 } satisfies Partial<CacheOptions>
  const { cache } = stage.node(fromPlainJs({ ...options, onEvent }))
  await cache.getOrSet(KEY, () => 'x'.repeat(1_000))
  stage.server.failNext('fill')
  await cache.getOrSet(`${KEY}2`, () => 1)
  await cache.set('k', 1)
  stage.server.plant(NAME.replace(/[\\/]/g, '\\$&'), KEY, Buffer.from('no entry'))
  await cache.get(KEY)
  await stage.settle()
  const told = errors.filter((error) => error !== undefined)
  expect(told.length).toBeGreaterThan(1)
  for (const error of told) expectOneLine(error instanceof Error ? error.message : String(error))
})

test('options of createCache that are refused (S16)', () => {
  const options: readonly unknown[] = [
    { name: KEY },
    { name: `${FORGED}\ud800` },
    { name: 'a', [KEY]: 1 },
    { name: 'a', ttl: KEY },
    { name: 'a', maxValueBytes: KEY },
    { name: 'a', isolation: KEY },
    { name: 'a', l2: KEY },
    { name: 'a', l1: { policy: KEY } },
    { name: 'a', l1: { mode: KEY } },
    { name: 'a', l1: { [KEY]: 1 } },
    { name: 'a', types: [{ name: KEY }] },
    { name: 'a', codec: { id: KEY } },
    { name: 'a', logger: KEY },
  ]
  for (const given of options) {
    try {
      createCache(fromPlainJs(given))
      throw new Error(`it was accepted: ${inspect(given)}`)
    } catch (error) {
      expectOneLineEach(error)
    }
  }
})

test('the look is one that finds: a line break, a colour, a long name', () => {
  for (const text of [
    'a\nb',
    'a\u2028b',
    'a\u001b[31mb',
    'a\u0085b',
    'x'.repeat(401),
    `key ${'x'.repeat(120)}`,
  ]) {
    expect(() => expectOneLine(text)).toThrow()
  }
})
