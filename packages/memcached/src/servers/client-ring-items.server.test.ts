import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MemcachedClient } from '../client/memcached-client.ts'
import { Names } from '../island/names.ts'
import { SEALED } from '../island/sealed.ts'
import { parseMemcachedUrls } from '../url.ts'
import { ClientRingItems } from './client-ring-items.ts'
import { nameInRing } from './island.ts'
import type { RingItem } from './ring-items.ts'
import { decodeMark, encodeMark, isMarkOf, type RingState, ringMark } from './ring-mark.ts'

let server: MemcachedServer
let client: MemcachedClient
beforeAll(async () => {
  server = await startMemcached()
  const [address] = parseMemcachedUrls(server.url)
  if (address === undefined) throw new Error('no address')
  const { promise, resolve } = Promise.withResolvers<void>()
  client = new MemcachedClient({ address, clock: systemClock, events: { onReady: () => resolve() } })
  await promise
})
afterAll(async () => {
  await client.close()
  await server.stop()
})

const by = () => systemClock.now() + 1_000

/** The items of a namespace that no other test uses. */
function itemsOf(namespace: string) {
  const items = new ClientRingItems(client, namespace)
  const token = new Names(nameInRing('epoch', namespace)).own('n').text
  return { items, token, record: new Names(namespace).own('r').text }
}

function recordOf(text: string, state: RingState = 'clear'): RingItem {
  return { text, mark: ringMark('epoch', state) }
}

test('a record is written where there is none, or in the place of the one that was seen', async () => {
  const { items } = itemsOf('records')
  expect(await items.look('epoch', by())).toEqual({ record: undefined, token: undefined })
  expect(await items.write(recordOf('first'), undefined, 60_000, by())).toBe(true)
  expect(await items.write(recordOf('second'), undefined, 60_000, by())).toBe(false)
  const { record } = await items.look('epoch', by())
  expect(record).toMatchObject(recordOf('first'))
  expect(await items.write(recordOf('third', 'in-use'), record?.cas, 60_000, by())).toBe(true)
  expect(await items.write(recordOf('fourth'), record?.cas, 60_000, by())).toBe(false)
  expect((await items.look('epoch', by())).record).toMatchObject(recordOf('third', 'in-use'))
})

test('a glance tells whose a record is, whether the ring is in use, and whether it is sealed', async () => {
  const { items } = itemsOf('glances')
  expect(await items.glance('epoch', by())).toEqual({ mark: undefined, isSealed: false })
  await items.write(recordOf('ring', 'in-use'), undefined, 60_000, by())
  const { mark } = await items.glance('epoch', by())
  expect(mark).toEqual(ringMark('epoch', 'in-use'))
  expect([isMarkOf(mark, 'epoch'), isMarkOf(mark, 'another')]).toEqual([true, false])
  await items.seal('epoch', by())
  expect(await items.glance('epoch', by())).toEqual({ mark, isSealed: true })
  expect((await items.glance('another', by())).isSealed).toBe(false)
})

test('a glance is small, however many servers the record names', async () => {
  const { items } = itemsOf('small')
  await items.write(recordOf('a name:11211 '.repeat(1_000)), undefined, 60_000, by())
  const bytesWritten = async () => Number((await server.stats()).bytes_written)
  const before = await bytesWritten()
  const withStats = (await bytesWritten()) - before
  await items.glance('epoch', by())
  await items.prolong('epoch', 60_000, by())
  expect((await bytesWritten()) - before - 2 * withStats).toBeLessThan(1_000)
})

test('every mark is what it was, as client flags', () => {
  for (const ring of [0, 1, 2 ** 29, 2 ** 30 - 1]) {
    for (const state of ['clear', 'entering', 'in-use'] as const) {
      const flags = encodeMark({ ring, state })
      expect(flags).toBeLessThan(2 ** 32)
      expect(decodeMark(flags)).toEqual({ ring, state })
    }
  }
  expect(ringMark('epoch', 'clear').ring).toBeLessThan(2 ** 30)
})

test('a record is prolonged, and ends where nobody does that', async () => {
  const { items, record } = itemsOf('lives')
  expect(await items.prolong('epoch', 60_000, by())).toEqual({ mark: undefined, isSealed: false })
  await items.write(recordOf('ring'), undefined, 60_000, by())
  expect(await server.cli(`mg ${record} t`)).toMatch(/^HD t6[01]$/)
  const { mark } = await items.prolong('epoch', 100_000, by())
  expect(isMarkOf(mark, 'epoch')).toBe(true)
  expect(await server.cli(`mg ${record} t`)).toMatch(/^HD t10[01]$/)
})

test('a record of a thousand servers is stored', async () => {
  const { items } = itemsOf('large')
  const text = JSON.stringify(Array.from({ length: 1000 }, (_, i) => `${'name.'.repeat(20)}${i}:11211`))
  expect(await items.write(recordOf(text), undefined, 60_000, by())).toBe(true)
  expect((await items.look('epoch', by())).record?.text).toBe(text)
})

test('a seal takes the place of any token, for good; a token is taken away by its cas alone', async () => {
  const { items, token } = itemsOf('seals')
  await server.cli(`ms ${token} 8 T0\r\ntokentok`)
  const stored = (await items.look('epoch', by())).token
  expect(stored?.isSealed).toBe(false)
  await items.seal('epoch', by())
  const sealed = (await items.look('epoch', by())).token
  expect(sealed?.isSealed).toBe(true)
  expect((await items.look('another', by())).token).toBeUndefined()
  expect(await server.cli(`mg ${token} v t`)).toBe(`VA 8 t-1\r\n${SEALED}`)
  expect(await server.cli(`ms ${token} 8 ME T0\r\nminted!!`)).toBe('NS')
  await items.renew('epoch', stored?.cas ?? '', by())
  expect(await server.cli(`mg ${token} v`)).toBe(`VA 8\r\n${SEALED}`)
  await items.renew('epoch', sealed?.cas ?? '', by())
  expect(await server.cli(`mg ${token} v`)).toBe('EN')
})
