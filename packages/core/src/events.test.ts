import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, test } from 'vitest'
import { errorOf } from './testing/outcome.ts'
import { Stage } from './testing/stage.ts'

describe('events', () => {
  const heard: { channel: string; event: unknown }[] = []
  const listeners = ['read', 'load', 'invalidate', 'trouble'].map((name) => {
    const listener = (event: unknown) => void heard.push({ channel: name, event })
    return [`holdfast:${name}`, listener] as const
  })
  afterEach(() => {
    for (const [name, listener] of listeners) unsubscribe(name, listener)
    heard.length = 0
  })

  test('reads, loads, invalidations and trouble are published on diagnostics_channel', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    await cache.get('warm-up')
    for (const [name, listener] of listeners) subscribe(name, listener)
    const down = new Error('down')
    await cache.getOrSet('k', () => 'v')
    await cache.get('k')
    await errorOf(cache.getOrSet('x', () => Promise.reject(down)))
    await cache.delete('k')
    stage.server.failNext('read')
    await cache.get('k')
    expect(heard).toEqual([
      {
        channel: 'load',
        event: { cache: 'shop', key: 'k', durationMs: 0, background: false, failed: false, error: undefined },
      },
      {
        channel: 'read',
        event: { cache: 'shop', key: 'k', outcome: 'miss', tier: undefined, reason: 'cold' },
      },
      { channel: 'read', event: { cache: 'shop', key: 'k', outcome: 'hit', tier: 'l1', reason: undefined } },
      {
        channel: 'load',
        event: { cache: 'shop', key: 'x', durationMs: 0, background: false, failed: true, error: down },
      },
      {
        channel: 'read',
        event: { cache: 'shop', key: 'x', outcome: 'miss', tier: undefined, reason: 'error' },
      },
      { channel: 'invalidate', event: { cache: 'shop', kind: 'delete', names: ['k'], l2: 'applied' } },
      { channel: 'trouble', event: expect.objectContaining({ what: 'l2.read_failed', key: 'k' }) },
      {
        channel: 'read',
        event: { cache: 'shop', key: 'k', outcome: 'miss', tier: undefined, reason: 'error' },
      },
    ])
  })
})
