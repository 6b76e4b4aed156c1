/** What users put into keys, tags and names cannot forge a line of a log, nor become a label of a metric (S16). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CacheOptions, StandardSchema } from './options.ts'
import { BusStage } from './testing/bus-stage.ts'
import { errorOf } from './testing/outcome.ts'
import { Stage } from './testing/stage.ts'

const FORGED = '\n[ERROR] forged\r\n\u001b[31mred\u2028\u0085\0'
const LONG = `${FORGED}${'x'.repeat(5_000)}`
/** What a terminal or a log reader takes as the end of a line, or as an order. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029]/u
const LINE_CHARS_MAX = 400

/** Log lines, process warnings and troubles of a test. */
let lines: string[] = []
let told: unknown[] = []
const logger = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
const listen = (event: unknown): void => void told.push(event)
beforeEach(() => {
  lines = []
  told = []
  subscribe('holdfast:trouble', listen)
})
afterEach(() => void unsubscribe('holdfast:trouble', listen))

function expectOneLine(text: string, what = 'a line'): void {
  expect(text, what).not.toMatch(UNPRINTABLE)
  expect(text.length, what).toBeLessThan(LINE_CHARS_MAX)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const hanging = (): Promise<never> => new Promise(() => undefined)
const hangingSchema: StandardSchema = {
  '~standard': { version: 1, vendor: 'test', validate: hanging },
}
const refusing: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: () => ({ issues: [{ message: LONG, path: [LONG] }] }),
  },
}

describe.each([
  ['that ends a line', FORGED],
  ['that ends a line, and is long', LONG],
])('a key, tag and name %s', (_, name) => {
  const open = (stage: Stage, options: Partial<CacheOptions> = {}) =>
    stage.node({ name: FORGED, logger, l2Timeout: 100, hardTimeout: '1s', ...options })

  test('every error that names one is one short, printable line', async () => {
    await using stage = new Stage()
    const { cache } = open(stage, { maxValueBytes: '64kb', isolation: 'clone' })
    const alone = stage.alone({ l1: { policy: 'none', maxEntries: 1 } })
    await alone.set('first', 1)
    const calls: Record<string, () => Promise<unknown>> = {
      timeout: () => cache.getOrSet(name, hanging),
      'schema, load': () => cache.getOrSet(name, () => 1, { validate: refusing }),
      'schema, set': () => cache.set(name, 1, { validate: hangingSchema }),
      'too large': () => cache.set(name, 'x'.repeat(100_000)),
      unsupported: () => cache.set(name, { [name]: () => 1 }),
      full: () => alone.set(name, 1),
      'bulk, too few': () => cache.getOrSetMany([name], () => []),
      'bulk, foreign': () => cache.getOrSetMany(['k'], () => new Map([[name, 1]])),
      'bad key': () => cache.get(`${name}\ud800`),
      'bad part': () => cache.get([{ [name]: Number.NaN }]),
      'bad tag': () => cache.invalidateTag(`${name}${'y'.repeat(600)}`),
      'bad option': () => cache.get('k', { [name]: 1 }),
      'bad value': () => cache.get('k', JSON.parse(`{"swr":${JSON.stringify(name)}}`)),
      'bad namespace': async () => cache.namespace(`${name}${'y'.repeat(600)}`),
    }
    for (const [what, call] of Object.entries(calls)) {
      const failing = errorOf(call())
      await stage.advance(1_000)
      expectOneLine(messageOf(await failing), what)
    }
    await cache.close()
    expectOneLine(messageOf(await errorOf(cache.get(name))))
  })

  test('every line of the log and every trouble is one, whatever happens to L2', async () => {
    await using stage = new Stage()
    const fail = (): never => {
      throw new Error(LONG)
    }
    const { cache, connection } = open(stage, {
      onEvent: fail,
      codec: { id: 1, encode: fail, decode: fail },
    })
    const load = () => cache.getOrSet(name, () => 1, { tags: [name.slice(0, 500)] })
    await load()
    stage.server.failNext('read')
    await cache.get(name)
    connection.disconnect()
    await cache.delete(name)
    await load()
    connection.reconnect()
    await stage.settle()
    stage.server.pause()
    const calls = Array.from({ length: 20 }, (_, i) => cache.get(`${name}${i}`))
    await stage.advance(200)
    await Promise.all(calls)
    stage.server.resume()
    await stage.advance(1_000)
    expect(lines.length).toBeGreaterThan(3)
    expect(told.length).toBeGreaterThan(3)
    for (const line of lines) expectOneLine(line)
    const texts = told.map((event) => messageOf(Reflect.get(Object(event), 'error')))
    // The text of the user's own error is the user's.
    for (const text of texts.filter((one) => one !== LONG)) expectOneLine(text)
  })

  test('what is told of servers and of a bus is one line, and names neither', async () => {
    await using stage = new BusStage()
    const { cache, bus } = await stage.node({ name: FORGED, logger })
    const inner = cache.namespace(FORGED)
    await inner.getOrSet(name, () => 1)
    bus.disconnect()
    await stage.settle()
    await inner.delete(name)
    stage.server.stop()
    await stage.settle()
    expectOneLine((await inner.explain(name)).l2.verdict)
    stage.server.start()
    bus.reconnect()
    await stage.settle()
    const whats = new Set(told.map((event) => Reflect.get(Object(event), 'what')))
    expect([...whats]).toEqual(
      expect.arrayContaining(['l2.lost', 'l2.back', 'bus.lost', 'bus.refused', 'bus.back']),
    )
    for (const line of lines) expectOneLine(line)
    for (const event of told) {
      const { server, error } = Object(event)
      for (const text of [messageOf(server), messageOf(error)]) {
        expectOneLine(text)
        expect(text).not.toContain('forged')
      }
    }
  })

  test('counters are the same few, whatever the keys', async () => {
    await using stage = new Stage()
    const { cache } = open(stage)
    const namesOf = (): string[] => Object.keys(flattened(cache.stats()))
    const before = namesOf()
    await cache.getOrSet(name, () => 1, { tags: [name.slice(0, 500)] })
    await cache.get(name)
    await cache.delete(name)
    await errorOf(cache.getOrSet(`${name}2`, () => Promise.reject(new Error(name))))
    expect(namesOf()).toEqual(before)
    expect(JSON.stringify(cache.stats())).not.toContain('forged')
  })
})

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  '%s is a name of a cache, a namespace, a key and a tag like any other, and its counters are numbers (B7)',
  async (name) => {
    await using stage = new Stage()
    const cache = stage.node({ name }).cache.namespace(name)
    await cache.getOrSet(name, () => name, { tags: [name] })
    expect(await cache.get(name)).toBe(name)
    await cache.invalidateTag(name)
    expect(await cache.get(name)).toBe(undefined)
    for (const count of Object.values(flattened(cache.stats())))
      expect(['number', 'boolean', 'string']).toContain(typeof count)
    expect(Reflect.get({}, 'misses')).toBe(undefined)
  },
)

function flattened(stats: object, path = ''): Record<string, unknown> {
  const flat: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(stats)) {
    if (typeof value === 'object') Object.assign(flat, flattened(value, `${path}${name}.`))
    else flat[`${path}${name}`] = value
  }
  return flat
}
