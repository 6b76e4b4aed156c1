import { connect } from 'node:net'
import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { heldWrites } from '../testing/held-writes.ts'
import { type IslandClient, openIsland } from '../testing/open-island.ts'
import { Names } from './names.ts'

// A caller that gives up, as one does on a server that does not answer.
const PATIENCE_MS = 60

let server: MemcachedServer
let other: IslandClient
beforeAll(async () => {
  server = await startMemcached()
})
beforeEach(async () => {
  other = await openIsland(server)
  await other.names.invalidate(['k'], other.by)
  return () => other.store.close()
})
afterAll(() => server.stop())

const soon = (): number => systemClock.now() + PATIENCE_MS

/** What a client that writes blindly would do: a set that comes late. */
function setBlindly(text: string): Promise<void> {
  const key = new Names('shop').of('v', 'k').text
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () =>
      socket.write(`ms ${key} ${text.length}\r\n${text}\r\n`),
    )
    socket.once('error', reject)
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
  })
}

describe('a put that reaches the server after its caller has given up', () => {
  test.each(['over nothing', 'over a value'])(
    'brings nothing back behind an invalidation, %s',
    async (over) => {
      if (over === 'over a value') await other.put('k', 'before')
      const way = heldWrites()
      await using writer = await openIsland(server, { connect: way.connect })
      const held = way.hold('ms v')
      const put = expect(writer.put('k', 'late', soon())).rejects.toMatchObject({ code: 'l2_timeout' })
      await held
      await put
      await other.names.invalidate(['k'], other.by)
      way.release()
      await writer.store.barrier(writer.by)
      expect(await other.read('k')).toBeUndefined()
    },
  )

  test('takes no other write away', async () => {
    const way = heldWrites()
    await using writer = await openIsland(server, { connect: way.connect })
    const held = way.hold('ms v')
    const put = expect(writer.put('k', 'late', soon())).rejects.toMatchObject({ code: 'l2_timeout' })
    await held
    await put
    await other.put('k', 'newer')
    way.release()
    await writer.store.barrier(writer.by)
    expect(await other.readText('k')).toBe('newer')
  })

  // What the test above is about.
  test('would bring it back if it were a blind one', async () => {
    await other.names.invalidate(['k'], other.by)
    await setBlindly('late')
    expect(await other.read('k')).toBeDefined()
  })

  test('brings nothing back where the server was frozen with both in flight', async () => {
    for (let round = 0; round < 5; round++) {
      await other.put('k', 'before')
      const way = heldWrites()
      await using writer = await openIsland(server, { connect: way.connect })
      const held = way.hold('ms v')
      const put = expect(writer.put('k', 'late', soon())).rejects.toMatchObject({ code: 'l2_timeout' })
      await held
      await server.pause()
      way.release()
      await put
      const invalidated = other.names.invalidate(['k'], other.by)
      server.resume()
      await invalidated
      await writer.store.barrier(writer.by)
      expect(await other.read('k')).toBeUndefined()
    }
  })
})

describe('a fill and an expire that come late', () => {
  test('bring nothing back', async () => {
    const way = heldWrites()
    await using writer = await openIsland(server, { connect: way.connect })
    const load = await writer.win('k')
    const held = way.hold('ms v')
    const filling = writer.fill(load, 'late')
    await held
    await other.names.invalidate(['k'], other.by)
    way.release()
    expect(await filling).toBe(false)
    expect(await other.read('k')).toBeUndefined()

    await other.put('k', 'v')
    const heldAgain = way.hold('ms v')
    const expiring = writer.names.expire(['k'], writer.by)
    await heldAgain
    await other.names.invalidate(['k'], other.by)
    way.release()
    await expiring
    expect(await other.read('k')).toBeUndefined()
  })
})
