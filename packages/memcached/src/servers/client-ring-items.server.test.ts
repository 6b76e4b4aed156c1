import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MemcachedClient } from '../client/memcached-client.ts'
import { Names } from '../island/names.ts'
import { SEALED } from '../island/sealed.ts'
import { parseMemcachedUrls } from '../url.ts'
import { ClientRingItems } from './client-ring-items.ts'
import { nameInRing } from './island.ts'

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

test('a record is written where there is none, or in the place of the one that was seen', async () => {
  const { items } = itemsOf('records')
  expect(await items.look('epoch', by())).toEqual({ record: undefined, isSealed: false })
  expect(await items.write('first', undefined, 60_000, by())).toBe(true)
  expect(await items.write('second', undefined, 60_000, by())).toBe(false)
  const { record } = await items.look('epoch', by())
  expect(record?.text).toBe('first')
  expect(await items.write('third', record?.cas, 60_000, by())).toBe(true)
  expect(await items.write('fourth', record?.cas, 60_000, by())).toBe(false)
  expect(await items.prolong(60_000, by())).toBe('third')
})

test('a record is prolonged, and ends where nobody does that', async () => {
  const { items, record } = itemsOf('lives')
  expect(await items.prolong(60_000, by())).toBeUndefined()
  await items.write('ring', undefined, 60_000, by())
  expect(await server.cli(`mg ${record} t`)).toMatch(/^HD t6[01]$/)
  await items.prolong(100_000, by())
  expect(await server.cli(`mg ${record} t`)).toMatch(/^HD t10[01]$/)
})

test('a record of a thousand servers is stored', async () => {
  const { items } = itemsOf('large')
  const text = JSON.stringify(Array.from({ length: 1000 }, (_, i) => `${'name.'.repeat(20)}${i}:11211`))
  expect(await items.write(text, undefined, 60_000, by())).toBe(true)
  expect((await items.look('epoch', by())).record?.text).toBe(text)
})

test('a seal takes the place of any token, for good; only a seal is taken away', async () => {
  const { items, token } = itemsOf('seals')
  await server.cli(`ms ${token} 8 T0\r\ntokentok`)
  await items.unseal('epoch', by())
  expect((await items.look('epoch', by())).isSealed).toBe(false)
  expect(await server.cli(`mg ${token} v`)).toBe('VA 8\r\ntokentok')
  await items.seal('epoch', by())
  expect((await items.look('epoch', by())).isSealed).toBe(true)
  expect((await items.look('another', by())).isSealed).toBe(false)
  expect(await server.cli(`mg ${token} v t`)).toBe(`VA 8 t-1\r\n${SEALED}`)
  expect(await server.cli(`ms ${token} 8 ME T0\r\nminted!!`)).toBe('NS')
  await items.unseal('epoch', by())
  expect(await server.cli(`mg ${token} v`)).toBe('EN')
})
