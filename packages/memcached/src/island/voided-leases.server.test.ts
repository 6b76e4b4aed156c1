/** A put that stores nothing voids the lease that is there all the same. */
import { startMemcached } from '@holdfast/testkit'
import { type NewEntry, systemClock } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import { heldWrites } from '../testing/held-writes.ts'
import { openIsland } from '../testing/open-island.ts'

const LEASE_MS = 1000

test.each([
  ['at rest', false],
  ['that is renewed in between', true],
])('a put of a version where nothing is voids a lease %s', async (_, isRenewed) => {
  await using server = await startMemcached()
  await using loader = await openIsland(server)
  const way = heldWrites()
  await using writer = await openIsland(server, { connect: way.connect })
  const load = await loader.win('k')
  const voiding = way.hold('md v')
  const put = writer.names.put({ key: 'k', entry: versionSeven(), tags: [], tagLifeMs: 60_000 }, writer.by)
  await voiding
  if (isRenewed) expect(await loader.names.renew('k', load.token, LEASE_MS, loader.by)).toBe(true)
  way.release()
  expect((await put).outcome).toBe('older')
  // Whatever it has loaded may be older than what was written.
  expect(await loader.fill(load, 'version 6')).toBe(false)
  expect(await writer.readText('k')).toBeUndefined()
})

function versionSeven(): Omit<NewEntry, 'namespaceToken' | 'tags'> {
  const life = { ttlMs: 30_000, keepMs: 60_000, loadMs: 1 }
  return { id: systemClock.token(), payload: Buffer.from('7'), codec: 1, flags: 0, version: 7n, ...life }
}
