import { equal, fail, notEqual, ok } from 'node:assert/strict'
import type { Token } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import { type Client, type Load, textOf } from '../client.ts'

// Short enough to wait for; a store that grants only longer ones is waited for longer.
function shortLeaseMs(client: Client): number {
  return Math.max(30, client.store.capabilities.leaseMinMs)
}

/** How long a lease of `leaseMs` may be there at most. */
function overMs(client: Client, leaseMs: number): number {
  return leaseMs + (client.store.capabilities.leaseLateMs ?? 0) + 20
}

/** What names the lease of 'k' to one who finds it. */
async function holderOf(client: Client): Promise<Token | undefined> {
  const acquired = await client.acquire('k')
  return acquired.state === 'busy' ? acquired.holder : fail(`expected busy, got ${acquired.state}`)
}

/** Who may load: acquire, renew, release. */
export const leaseCases: readonly CaseDefinition[] = [
  {
    name: 'the first to acquire an absent key wins, the next is busy',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const { tokens } = await one.win('k', { tags: ['t'] })
      const second = await other.acquire('k', { tags: ['t'] })
      equal(second.state, 'busy')
      equal(second.tokens.tags.get('t'), tokens.tags.get('t'))
      equal((await one.acquire('k')).state, 'busy')
    },
  },
  {
    name: 'a lease has one name for all who find it, through every renewal, and the next one has another',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      const names = [await holderOf(one), await holderOf(other)]
      for (let round = 0; round < 2; round++) {
        equal(await one.namespace.renew('k', load.token, 5_000, one.by), true)
        names.push(await holderOf(other))
      }
      equal(new Set(names).size, 1)
      await one.namespace.release('k', load.token, one.by)
      await one.win('k')
      const next = await holderOf(other)
      if (next !== undefined) notEqual(next, names[0])
    },
  },
  {
    name: 'of forty who ask at once, one wins',
    rule: 'F',
    run: async (stage) => {
      const clients = [await stage.open(), await stage.open()]
      const asked = Array.from({ length: 20 }, () => clients.map((client) => client.acquire('k'))).flat()
      const won = (await Promise.all(asked)).filter(({ state }) => state === 'won')
      equal(won.length, 1)
    },
  },
  {
    name: 'a lease holds its own key in its own namespace only',
    rule: 'F',
    run: async (stage) => {
      const one = await stage.open()
      const other = await stage.open({ namespace: `${stage.namespace}-other` })
      await one.win('k')
      await one.win('k2')
      await other.win('k')
    },
  },
  {
    name: 'acquire hands back a value that is there, and takes no lease',
    rule: 'acquire',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      await one.load('k', 'v')
      const acquired = await other.acquire('k')
      equal(acquired.state === 'found' ? textOf(acquired.entry) : acquired.state, 'v')
      await one.win('k', { seen: (await one.readStored('k')).seen })
    },
  },
  {
    name: 'acquire with the value it has seen wins; with an older one it finds the newer',
    rule: 'acquire',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      await one.load('k', 'old')
      const { seen } = await other.readStored('k')
      await one.load('k', 'new')
      const found = await other.acquire('k', { seen })
      equal(found.state === 'found' ? textOf(found.entry) : found.state, 'new')
      await other.win('k', { seen: found.state === 'found' ? found.entry.seen : undefined })
    },
  },
  {
    name: 'acquire with a value seen that is gone meanwhile wins',
    rule: 'acquire',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v')
      const { seen } = await client.readStored('k')
      await client.namespace.invalidate(['k'], client.by)
      await client.win('k', { seen })
    },
  },
  {
    name: 'unreadable bytes that were seen are loaded over',
    rule: 'acquire',
    needs: ['plant'],
    run: async (stage) => {
      const client = await stage.open()
      await stage.plant('k', Buffer.from('some bytes of somebody else'))
      const acquired = await client.acquire('k')
      equal(acquired.state, 'found')
      await client.load('k', 'ours')
      equal(await client.readText('k'), 'ours')
    },
  },
  {
    name: 'a lease that was not renewed ends by itself, and its token is worth nothing',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const leaseMs = shortLeaseMs(one)
      const load = await one.win('k', { leaseMs })
      await stage.pass(overMs(one, leaseMs))
      equal(await one.namespace.renew('k', load.token, leaseMs, one.by), false)
      equal(await one.namespace.release('k', load.token, one.by), false)
      equal((await one.fill(load, 'late')).stored, false)
      await other.load('k', 'in time')
      equal(await one.readText('k'), 'in time')
    },
  },
  {
    name: 'a renewed lease outlives its first term',
    rule: 'renew',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const leaseMs = shortLeaseMs(one)
      let load: Load | undefined
      await stage.swiftly(leaseMs, async (attempt) => {
        load = await one.win(`k${attempt}`, { leaseMs })
        equal(await one.namespace.renew(load.key, load.token, 5_000, one.by), true)
      })
      await stage.pass(overMs(one, leaseMs))
      ok(load !== undefined)
      equal((await other.acquire(load.key)).state, 'busy')
      equal((await one.fill(load, 'v')).stored, true)
    },
  },
  {
    name: 'only its own token renews or releases a lease',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      const stranger = other.clock.token()
      equal(await other.namespace.renew('k', stranger, 5_000, other.by), false)
      equal(await other.namespace.release('k', stranger, other.by), false)
      equal((await other.acquire('k')).state, 'busy')
      equal((await one.fill(load, 'v')).stored, true)
    },
  },
  {
    name: 'nobody renews or releases a lease that was never granted',
    rule: 'F',
    run: async (stage) => {
      const client = await stage.open()
      equal(await client.namespace.renew('k', client.clock.token(), 5_000, client.by), false)
      equal(await client.namespace.release('k', client.clock.token(), client.by), false)
      await client.win('k')
    },
  },
  {
    name: 'release says once that the lease was live, and frees the key',
    rule: 'release',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      equal(await one.namespace.release('k', load.token, one.by), true)
      equal(await one.namespace.release('k', load.token, one.by), false)
      equal((await one.fill(load, 'v')).stored, false)
      await other.win('k')
    },
  },
  {
    name: 'who was busy finds the value after the fill',
    rule: 'acquire',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      equal((await other.acquire('k')).state, 'busy')
      await one.fill(load, 'v')
      const found = await other.acquire('k')
      equal(found.state === 'found' ? textOf(found.entry) : found.state, 'v')
    },
  },
]
