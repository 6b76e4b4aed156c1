import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cache } from './cache.ts'
import type { CacheEvent } from './events.ts'
import type { CacheOptions } from './options.ts'
import { errorOf, watched } from './testing/outcome.ts'
import { Stage } from './testing/stage.ts'

const CHANNELS = ['read', 'load', 'invalidate', 'trouble'].map((type) => `holdfast:${type}`)
const down = new Error('down')

/** What is heard of these calls, and of nothing else. */
async function callsOfEachKind(cache: Cache, stage: Stage): Promise<void> {
  await cache.getOrSet('k', () => 'v')
  await cache.get('k')
  await errorOf(cache.getOrSet('x', () => Promise.reject(down)))
  await cache.delete('k')
  stage.server.failNext('read')
  await cache.get('k')
}

const EVENTS_OF_THEM: readonly unknown[] = [
  {
    ...{ type: 'load', cache: 'shop', key: 'k', durationMs: 0, background: false },
    ...{ failed: false, error: undefined },
  },
  { type: 'read', cache: 'shop', key: 'k', outcome: 'miss', tier: undefined, reason: 'cold' },
  { type: 'read', cache: 'shop', key: 'k', outcome: 'hit', tier: 'l1', reason: undefined },
  {
    ...{ type: 'load', cache: 'shop', key: 'x', durationMs: 0, background: false },
    ...{ failed: true, error: down },
  },
  { type: 'read', cache: 'shop', key: 'x', outcome: 'miss', tier: undefined, reason: 'error' },
  { type: 'invalidate', cache: 'shop', kind: 'delete', names: ['k'], l2: 'applied' },
  expect.objectContaining({ type: 'trouble', cache: 'shop', what: 'l2.read_failed', key: 'k' }),
  { type: 'read', cache: 'shop', key: 'k', outcome: 'miss', tier: undefined, reason: 'error' },
]

/** What the channels published meanwhile, with the channel of each. */
const published: [string, unknown][] = []
const listen = (event: unknown, channel: string | symbol): void => {
  published.push([String(channel), event])
}
beforeEach(() => {
  published.length = 0
  for (const channel of CHANNELS) subscribe(channel, listen)
})
afterEach(() => {
  for (const channel of CHANNELS) unsubscribe(channel, listen)
})
const troubles = (): unknown[] =>
  published.filter(([channel]) => channel === 'holdfast:trouble').map(([, event]) => event)

const silent = { info: () => undefined, warn: () => undefined }

async function warm(cache: Cache): Promise<void> {
  await cache.get('warm-up')
  published.length = 0
}

test('reads, loads, invalidations and trouble are published on the channel of their type', async () => {
  await using stage = new Stage()
  const { cache } = stage.node()
  await warm(cache)
  await callsOfEachKind(cache, stage)
  expect(published.map(([, event]) => event)).toEqual(EVENTS_OF_THEM)
  for (const [channel, event] of published) {
    expect(event).toMatchObject({ type: channel.replace('holdfast:', '') })
  }
})

describe('onEvent', () => {
  test('hears what the channels hear, in order, with nobody listening to them', async () => {
    for (const channel of CHANNELS) unsubscribe(channel, listen)
    await using stage = new Stage()
    const heard: CacheEvent[] = []
    const { cache } = stage.node({ onEvent: (event) => heard.push(event) })
    await cache.get('warm-up')
    heard.length = 0
    await callsOfEachKind(cache, stage)
    expect(heard).toEqual(EVENTS_OF_THEM)
  })

  test('hears it at once: before the call that it is about is answered', async () => {
    await using stage = new Stage()
    const order: string[] = []
    const cache = stage.alone({ onEvent: (event) => order.push(event.type) })
    await cache.set('k', 'v')
    const call = cache.get('k').then(() => order.push('answered'))
    expect(order).toEqual(['read'])
    await call
    expect(order).toEqual(['read', 'answered'])
  })

  test('hears of the namespaces of its cache, by their names', async () => {
    await using stage = new Stage()
    const heard: string[] = []
    const cache = stage.alone({ onEvent: ({ cache: name }) => heard.push(name) })
    await cache.namespace('inner').get('k')
    expect(heard).toEqual(['shop/inner'])
  })

  test('is not told of the calls that it makes itself, at once or later', async () => {
    await using stage = new Stage()
    let told = 0
    const cache: Cache = stage.alone({
      onEvent: async () => {
        told++
        await cache.get('k')
        await cache.get('k')
      },
    })
    await cache.get('k')
    await stage.settle()
    expect(told).toBe(1)
    expect(cache.stats().requests).toBe(3)
  })

  test.for([[null], ['log'], [{}], [7]])('that is %o is refused', ([onEvent]) => {
    // @ts-expect-error what plain JavaScript may do
    expect(() => new Stage().alone({ onEvent })).toThrow('onEvent: expected a function')
  })
})

const broken = new Error('broken\n[ERROR] forged')
const failing: Record<string, () => unknown> = {
  'that throws': () => {
    throw broken
  },
  'that rejects': async () => {
    throw broken
  },
  'that answers a thenable which rejects': () => ({
    // biome-ignore lint/suspicious/noThenProperty: this is the point
    then: (_: unknown, reject: (error: unknown) => void) => reject(broken),
  }),
}

describe.each(Object.entries(failing))('a hook %s (B40)', (_, fail) => {
  test('as onEvent: every event is counted, told of once, and no call is another for it', async () => {
    await using stage = new Stage()
    const lines: string[] = []
    const logger = { info: () => undefined, warn: (line: string) => lines.push(line) }
    let called = 0
    const onEvent = () => {
      called++
      return fail()
    }
    const { cache } = stage.node({ logger, onEvent })
    await warm(cache)
    await callsOfEachKind(cache, stage)
    await cache.namespace('inner').getOrSet('k', () => 'v')
    await stage.settle()
    expect(cache.stats()).toMatchObject({ hookErrors: called, loads: 3, loadErrors: 1, invalidations: 1 })
    expect(called).toBeGreaterThan(EVENTS_OF_THEM.length)
    const told = troubles().filter((event) => JSON.stringify(event).includes('hook_failed'))
    // One of the warm-up, before anyone looked.
    expect(told).toEqual([])
    expect(lines).toEqual([
      'cache "shop": onEvent failed, and goes on being called: "broken\\n[ERROR] forged"',
    ])
  })

  test('as onEvent: it is told of on the channel, with the error', async () => {
    await using stage = new Stage()
    const cache = stage.alone({ onEvent: fail, logger: silent })
    await cache.get('k')
    await cache.get('k')
    await stage.settle()
    expect(troubles()).toEqual([
      { type: 'trouble', cache: 'shop', what: 'hook_failed', key: undefined, error: broken },
    ])
  })

  test('as a logger: each line is counted, told of once, and no call is another for it', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ logger: { info: fail, warn: fail } })
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    await stage.settle()
    const { hookErrors } = cache.stats()
    expect(hookErrors).toBeGreaterThan(0)
    connection.disconnect()
    connection.reconnect()
    await stage.settle()
    expect(cache.stats().hookErrors).toBeGreaterThan(hookErrors)
    expect(troubles()).toEqual([
      {
        type: 'trouble',
        cache: 'shop',
        what: 'hook_failed',
        key: undefined,
        server: undefined,
        error: broken,
      },
      expect.objectContaining({ what: 'l2.lost' }),
      expect.objectContaining({ what: 'l2.back' }),
    ])
  })

  test('both of them: neither makes the other fail without end', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ logger: { info: fail, warn: fail }, onEvent: fail })
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    expect(await cache.get('k')).toBe('v')
    await stage.settle()
    expect(cache.stats().hookErrors).toBeLessThan(20)
  })
})

test('a hook that never ends is not waited for (B40)', async () => {
  await using stage = new Stage()
  const hang = () => new Promise<never>(() => undefined)
  const options: Partial<CacheOptions> = { onEvent: hang, logger: { info: hang, warn: hang } }
  for (const cache of [stage.alone(options), stage.node(options).cache]) {
    const call = watched(callsOfEachKind(cache, stage))
    await stage.settle()
    expect(call()).toEqual({ value: undefined })
    expect(cache.stats().hookErrors).toBe(0)
    expect(watched(cache.close())).toBeDefined()
  }
})
