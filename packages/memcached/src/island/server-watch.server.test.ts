/** What the log is told of a server. */
import { freePort, startFaultProxy, startMemcached, until } from '@holdfast/testkit'
import { createCache } from 'holdfast'
import { expect, test } from 'vitest'
import { memcached } from '../memcached.ts'
import { FullMemory } from '../testing/full-memory.ts'

function openLogged(port: number, credentials = '') {
  const lines: string[] = []
  const tell = (line: string) => void lines.push(line)
  const l2 = memcached(`memcached://${credentials}127.0.0.1:${port}`)
  const cache = createCache({ name: 'logged', l1: false, l2, logger: { info: tell, warn: tell } })
  return { cache, lines, matching: (text: string) => lines.filter((line) => line.includes(text)) }
}

test('a server that is not there is told of once, and why', async () => {
  const { cache, matching } = openLogged(await freePort())
  await using _ = cache
  await until('it is told', () => matching('ECONNREFUSED').length > 0)
  expect(matching('not reached yet, going on without it')).toHaveLength(1)
})

test('a server that is lost is told of, once a loss, and so is what it is when it is there', async () => {
  await using server = await startMemcached()
  await using proxy = await startFaultProxy(server)
  const { cache, matching } = openLogged(proxy.port)
  await using _ = cache
  await until('it is connected', () => cache.stats().l2.online)
  expect(matching('L2 is memcached 1.')).toHaveLength(1)
  for (const losses of [1, 2]) {
    proxy.cut()
    await until('it is lost', () => matching('is lost').length === losses)
    await until('it is connected anew', () => matching('L2 is memcached 1.').length === losses + 1)
  }
})

test('a server that is full and may not evict is told of once, whatever it refuses', async () => {
  await using server = await startMemcached({
    memoryMb: 2,
    whenFull: 'refuse',
    args: ['-n', '512', '-f', '4'],
  })
  const { cache, matching } = openLogged(server.port)
  await using _ = cache
  await until('it is connected', () => cache.stats().l2.online)
  await cache.getOrSet('before', () => 1)
  await new FullMemory(server).set(true)
  for (let i = 0; i < 5; i++) await cache.getOrSet(`k${i}`, () => 1, { tags: [`t${i}`] })
  expect(matching('it is full and may not evict (-M)')).toHaveLength(1)
})

test('a password that nobody asks for is told of, once a connection, and one that is asked for is not', async () => {
  await using open = await startMemcached()
  await using closed = await startMemcached({ users: { shop: 'secret' } })
  const caches = [
    openLogged(open.port, 'shop:secret@'),
    openLogged(closed.port, 'shop:secret@'),
    openLogged(open.port),
  ]
  await until('all are connected', () => caches.every(({ cache }) => cache.stats().l2.online))
  await Promise.all(caches.map(({ cache }) => cache.close()))
  expect(caches.map(({ matching }) => matching('asks nobody for a password'))).toEqual([
    [
      `cache "logged": L2 memcached://127.0.0.1:${open.port}: it asks nobody for a password, and one is given: ` +
        'whoever reaches it may do everything (memcached -Y)',
    ],
    [],
    [],
  ])
})
