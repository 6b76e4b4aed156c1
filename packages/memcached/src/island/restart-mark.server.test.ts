import { startFaultProxy, startMemcached, until } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { openIsland } from '../testing/open-island.ts'
import { Names } from './names.ts'
import { admit } from './restart-mark.ts'
import { SEALED } from './sealed.ts'

const RUN = { pid: 1, startedAtMs: 1_700_000_000_000 }

test('the namespace token goes where the mark says another server, or nothing', async () => {
  await using server = await startMemcached()
  await using client = await openIsland(server)
  const names = new Names('marked')
  const [token, mark] = [names.namespace.text, names.own('i').text]
  /** Whether the token is still there after a connection to this run of a server. */
  const survives = async (run: typeof RUN, isTrusted = true) => {
    await server.cli(`ms ${token} 8\r\ntokentok`)
    await admit(client.store.client, [names], run, isTrusted, client.by)
    return (await server.cli(`mg ${token}`)) === 'HD'
  }
  expect(await survives(RUN)).toBe(false)
  expect(await survives(RUN)).toBe(true)
  // The start is a difference of whole seconds, each of which may be read a little early.
  expect(await survives({ ...RUN, startedAtMs: RUN.startedAtMs - 2000 })).toBe(true)
  expect(await survives({ ...RUN, startedAtMs: RUN.startedAtMs + 3000 })).toBe(false)
  expect(await survives(RUN)).toBe(false)
  expect(await survives({ ...RUN, pid: 2 })).toBe(false)
  expect(await survives({ ...RUN, pid: 2 })).toBe(true)
  // A server that keeps its data may be another run, whatever its mark says.
  expect(await survives({ ...RUN, pid: 2 }, false)).toBe(false)
  await server.cli(`md ${mark}`)
  expect(await survives({ ...RUN, pid: 2 })).toBe(false)
})

test('a closing marker is taken away by nobody: neither by a restart nor by a clear', async () => {
  await using server = await startMemcached()
  await using client = await openIsland(server)
  const names = new Names('shop')
  const sealed = `VA ${SEALED.length}\r\n${SEALED}`
  await server.cli(`ms ${names.namespace.text} ${SEALED.length}\r\n${SEALED}`)
  await admit(client.store.client, [names], RUN, false, client.by)
  await client.names.clear(client.by)
  await client.names.tokens('k', ['t'], 60_000, client.by)
  expect(await server.cli(`mg ${names.namespace.text} v`)).toBe(sealed)
})

test.each([
  ['that keeps its data is not believed to be the same after a lost connection', true],
  ['that does not is the same as long as its mark says so', false],
])('a server %s', async (_, keepsData) => {
  await using server = await startMemcached({ keepsData })
  await using proxy = await startFaultProxy(server)
  await using client = await openIsland(proxy)
  const before = await client.names.tokens('k', [], 60_000, client.by)
  const { generation } = client.store.client
  proxy.cut()
  await until(
    'it is connected anew',
    () => client.store.online && client.store.client.generation > generation,
  )
  await client.connected()
  const after = await client.names.tokens('k', [], 60_000, client.by)
  expect(after.namespace === before.namespace).toBe(!keepsData)
})
