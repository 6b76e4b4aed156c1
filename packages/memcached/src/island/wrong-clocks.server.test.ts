/** Quarantines between machines whose clocks are wrong by a minute, one behind and one ahead. */
import { startMemcached, until } from '@holdfast/testkit'
import { type Clock, systemClock } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import { openIsland } from '../testing/open-island.ts'

const WRONG_BY_MS = 60_000
const LIFE_MS = 700
// What two estimates of the server's time differ by at worst, the second by which items end late, and a busy machine.
const LATE_MS_MAX = 4000 + 1000 + 1000

test('one protects its names on the other machine for as long as it was asked for, and ends all the same', async () => {
  await using server = await startMemcached()
  await using writer = await openIsland(server, {}, 'shop', offBy(-WRONG_BY_MS))
  await using reader = await openIsland(server, {}, 'shop', offBy(WRONG_BY_MS))
  // A whole second tells the one that it is at most now, and the other that it is over.
  expect(reader.store.client.serverNow() - writer.store.client.serverNow()).toBeGreaterThan(LIFE_MS)
  const names = { keys: ['k'], tags: ['t'] }
  const token = systemClock.token()
  const setAt = systemClock.now()
  await writer.names.quarantine(names, token, LIFE_MS, writer.by)
  // The other joins it, and leaves those that live in it.
  const joined = systemClock.token()
  await reader.names.quarantine(names, joined, LIFE_MS, reader.by)
  await reader.names.unquarantine(names, joined, reader.by)
  while (systemClock.now() - setAt < LIFE_MS) {
    expect((await reader.acquire('k')).state).toBe('quarantined')
    expect((await reader.acquire('other', undefined, ['t'])).state).toBe('quarantined')
  }
  await until('it ends', async () => (await reader.acquire('k')).state === 'won')
  expect(systemClock.now() - setAt).toBeLessThan(LIFE_MS + LATE_MS_MAX)
})

function offBy(ms: number): Clock {
  return {
    now: () => systemClock.now(),
    wallNow: () => systemClock.wallNow() + ms,
    after: (afterMs, fire, purpose) => systemClock.after(afterMs, fire, purpose),
    random: () => systemClock.random(),
    token: () => systemClock.token(),
  }
}
