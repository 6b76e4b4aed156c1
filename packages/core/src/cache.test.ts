import { describe, expect, test } from 'vitest'
import { codeOf, errorOf, watched } from './testing/outcome.ts'
import { Stage } from './testing/stage.ts'

describe('wrap', () => {
  test('caches a function under the key of its arguments, fenced like any load', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    const calls: string[] = []
    const find = cache.wrap(
      async (org: string, id: number) => {
        calls.push(`${org}/${id}`)
        return { org, id }
      },
      { key: (org, id) => ['user', org, id], tags: (user) => [`org:${user.org}`] },
    )
    expect(await find('a', 1)).toEqual({ org: 'a', id: 1 })
    expect(await find('a', 1)).toBe(await find('a', 1))
    await find('a', 2)
    expect(calls).toEqual(['a/1', 'a/2'])
    await cache.invalidateTag('org:a')
    await find('a', 1)
    expect(calls).toEqual(['a/1', 'a/2', 'a/1'])
  })

  test('errors pass as they are, a wrong key rejects the call, wrong options throw at once', async () => {
    await using stage = new Stage()
    const cache = stage.alone()
    const down = new Error('down')
    const failing = cache.wrap(() => Promise.reject(down), { key: () => 'k' })
    expect(await errorOf(failing())).toBe(down)
    expect(await codeOf(cache.wrap(() => 1, { key: () => '' })())).toBe('invalid_argument')
    // @ts-expect-error what plain JavaScript may do
    expect(() => cache.wrap(() => 1, {})).toThrow('key: expected a function')
    // @ts-expect-error what plain JavaScript may do
    expect(() => cache.wrap(() => 1)).toThrow('key: expected a function')
    // @ts-expect-error what plain JavaScript may do
    expect(() => cache.wrap('fn', { key: () => 'k' })).toThrow('fn: expected a function')
    // @ts-expect-error what plain JavaScript may do
    expect(() => cache.wrap(() => 1, { key: () => 'k', tll: 1 })).toThrow('did you mean ttl?')
  })
})

describe('barrier', () => {
  test('after it, this process has seen whatever was invalidated before it', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    await a.cache.get('k')
    a.connection.hold()
    await b.cache.delete('k')
    expect(await a.cache.get('k')).toBe('old')
    const barrier = watched(a.cache.barrier())
    await stage.settle()
    expect(barrier()).toBe('pending')
    a.connection.release()
    await stage.settle()
    expect(barrier()).toEqual({ value: undefined })
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('rejects where L2 is away or slow, and has nothing to do without one', async () => {
    await using stage = new Stage()
    await stage.alone().barrier()
    const { cache, connection } = stage.node()
    await cache.barrier()
    connection.hold()
    const slow = watched(cache.barrier('1s'))
    await stage.advance(999)
    expect(slow()).toBe('pending')
    await stage.advance(1)
    expect(slow()).toEqual({ error: 'l2_timeout' })
    connection.disconnect()
    expect(await codeOf(cache.barrier())).toBe('l2_unavailable')
    expect(await codeOf(cache.barrier(0))).toBe('invalid_argument')
  })
})

test('wrong arguments reject with their names, and store nothing', async () => {
  await using stage = new Stage()
  const { cache } = stage.node()
  stage.server.resetStats()
  const bad: [() => Promise<unknown>, string][] = [
    [() => cache.get(''), 'key: expected'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.get(undefined), 'key: expected'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.getMany('k'), 'keys: expected an array'],
    [() => cache.getMany(['k', '']), 'key: expected'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.getOrSet('k', 'value'), 'loader: expected a function'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.getOrSet('k', () => 1, { tll: 1 }), 'did you mean ttl?'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.getOrSetMany(['k']), 'loader: expected a function'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.get('k', { ttl: '1s' }), 'unknown option "ttl"'],
    [() => cache.set('k', 1, { tags: [''] }), 'tags[0]: expected'],
    [() => cache.set('k', 1, { ttl: 0 }), 'ttl: expected'],
    [() => cache.setMany([['', 1]]), 'key: expected'],
    [() => cache.delete('\ud800'), 'key: expected'],
    [() => cache.invalidateTag(''), 'tags[0]: expected'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.invalidateTags('t'), 'tags: expected an array'],
    [() => cache.invalidateTag('x'.repeat(1_048_576)), 'at most 512 characters'],
    // @ts-expect-error what plain JavaScript may do
    [() => cache.write({ keys: ['k'] }), 'commit: expected a function'],
  ]
  for (const [call, message] of bad) {
    expect(String(await errorOf(call())), String(call)).toContain(message)
    expect(await codeOf(call())).toBe('invalid_argument')
  }
  expect(stage.server.stats.roundTrips).toBe(0)
})
