import { equal, notEqual } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import { type Client, KEY, TAG_LIFE_MS } from '../client.ts'

const LIFE_MS = 30_000

function keys(...names: string[]): { readonly keys: readonly string[]; readonly tags: readonly string[] } {
  return { keys: names, tags: [] }
}

function tags(...names: string[]): { readonly keys: readonly string[]; readonly tags: readonly string[] } {
  return { keys: [], tags: names }
}

/** By how much the quarantine of one who died may be late. */
function lateMs({ store }: Client): number {
  return store.capabilities.quarantineLateMs ?? 0
}

async function stateOf(client: Client, key: string, ...tagNames: string[]): Promise<string> {
  const token = client.clock.token()
  const { state } = await client.acquire(key, { token, tags: tagNames })
  if (state === 'won') await client.namespace.release(key, token, client.by)
  return state
}

/** While a write is under way nobody may load or store what it touches (MUTATE). */
export const quarantineCases: readonly CaseDefinition[] = [
  {
    name: 'a quarantined key is acquired, filled and put by nobody until it is lifted',
    rule: 'MUTATE',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await other.win('k')
      const token = one.clock.token()
      await one.namespace.quarantine(keys('k'), token, LIFE_MS, one.by)
      for (const client of [one, other]) {
        equal(await stateOf(client, 'k'), 'quarantined')
        equal((await client.put('k', 'v')).outcome, 'quarantined')
      }
      equal((await other.fill(load, 'old')).stored, false)
      equal(await other.read('k'), undefined)
      await one.namespace.unquarantine(keys('k'), token, one.by)
      equal(await stateOf(other, 'k'), 'won')
      equal((await other.put('k', 'v')).outcome, 'stored')
    },
  },
  {
    name: 'a quarantined tag stops what carries it, and only that',
    rule: 'MUTATE',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const carrier = await other.win('carrier', { tags: ['t', 'u'] })
      const free = await other.win('free', { tags: ['u'] })
      const token = one.clock.token()
      await one.namespace.quarantine(tags('t'), token, LIFE_MS, one.by)
      equal(await stateOf(other, 'k', 'u', 't'), 'quarantined')
      equal((await other.put('k', 'v', { tags: ['u', 't'] })).outcome, 'quarantined')
      equal((await other.fill(carrier, 'old')).stored, false)
      equal(await stateOf(other, 'k', 'u'), 'won')
      equal((await other.put('k', 'v', { tags: ['u'] })).outcome, 'stored')
      equal((await other.fill(free, 'v')).stored, true)
      await one.namespace.unquarantine(tags('t'), token, one.by)
      equal((await other.put('k', 'v', { tags: ['t'] })).outcome, 'stored')
    },
  },
  {
    name: 'a key and a tag of one name are quarantined apart',
    rule: 'MUTATE',
    run: async (stage) => {
      const client = await stage.open()
      const token = client.clock.token()
      await client.namespace.quarantine(keys('x'), token, LIFE_MS, client.by)
      equal(await stateOf(client, 'k', 'x'), 'won')
      await client.namespace.unquarantine(tags('x'), token, client.by)
      equal(await stateOf(client, 'x'), 'quarantined')
    },
  },
  {
    name: 'a quarantine holds in its own namespace',
    rule: 'MUTATE',
    run: async (stage) => {
      const one = await stage.open()
      const other = await stage.open({ namespace: `${stage.namespace}-other` })
      await one.namespace.quarantine({ keys: ['k'], tags: ['t'] }, one.clock.token(), LIFE_MS, one.by)
      equal(await stateOf(other, 'k', 't'), 'won')
    },
  },
  {
    name: 'everyone lifts only his own quarantine',
    rule: 'MUTATE',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const names = { keys: ['k'], tags: ['t'] }
      const [mine, his] = [one.clock.token(), other.clock.token()]
      await one.namespace.quarantine(names, mine, LIFE_MS, one.by)
      await other.namespace.quarantine(names, his, LIFE_MS, other.by)
      await one.namespace.unquarantine(names, mine, one.by)
      equal(await stateOf(one, 'k'), 'quarantined')
      equal(await stateOf(one, 'other', 't'), 'quarantined')
      await one.namespace.unquarantine(names, one.clock.token(), one.by)
      equal(await stateOf(one, 'k'), 'quarantined')
      await other.namespace.unquarantine(names, his, other.by)
      equal(await stateOf(one, 'k', 't'), 'won')
    },
  },
  {
    name: 'a quarantine ends by itself when its writer died',
    rule: 'MUTATE',
    run: async (stage) => {
      const client = await stage.open()
      const names = { keys: ['k'], tags: ['t'] }
      await stage.swiftly(30, async () => {
        await client.namespace.quarantine(names, client.clock.token(), 30, client.by)
        equal(await stateOf(client, 'k'), 'quarantined')
      })
      await stage.pass(50 + lateMs(client))
      equal(await stateOf(client, 'k', 't'), 'won')
    },
  },
  {
    name: "a dead writer's end leaves the quarantine of a living one",
    rule: 'MUTATE',
    run: async (stage) => {
      const client = await stage.open()
      const names = { keys: ['k'], tags: ['t'] }
      const living = client.clock.token()
      await client.namespace.quarantine(names, living, LIFE_MS, client.by)
      await client.namespace.quarantine(names, client.clock.token(), 20, client.by)
      await stage.pass(40 + lateMs(client))
      equal(await stateOf(client, 'k'), 'quarantined')
      equal(await stateOf(client, 'other', 't'), 'quarantined')
      await client.namespace.unquarantine(names, living, client.by)
      equal(await stateOf(client, 'k', 't'), 'won')
    },
  },
  {
    name: 'a quarantine set again lives on',
    rule: 'MUTATE',
    run: async (stage) => {
      const client = await stage.open()
      const names = { keys: ['k'], tags: ['t'] }
      const token = client.clock.token()
      await client.namespace.quarantine(names, token, 30, client.by)
      await client.namespace.quarantine(names, token, LIFE_MS, client.by)
      await stage.pass(50)
      equal(await stateOf(client, 'k'), 'quarantined')
      equal(await stateOf(client, 'other', 't'), 'quarantined')
    },
  },
  {
    name: 'a load that began before a quarantine is not stored after it either',
    rule: 'MUTATE',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await other.win('k')
      const token = one.clock.token()
      await one.namespace.quarantine(keys('k'), token, LIFE_MS, one.by)
      await one.namespace.unquarantine(keys('k'), token, one.by)
      equal((await other.fill(load, 'old')).stored, false)
    },
  },
  {
    name: 'a quarantine leaves nothing old behind, whatever becomes of its writer',
    rule: 'MUTATE',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v')
      await client.load('by tag', 'v', ['t'])
      await client.load('other', 'v', ['u'])
      const derived = await client.win('derived')
      const token = client.clock.token()
      const names = { keys: ['k'], tags: ['t'] }
      await client.namespace.quarantine(names, token, LIFE_MS, client.by)
      equal(await client.read('k'), undefined)
      const byTag = await client.read('by tag')
      if (byTag?.readable) equal(await client.isValid(byTag, 'by tag'), false)
      equal(await client.isValid(await client.readStored('other'), 'other'), true)
      notEqual((await client.fill(derived, 'v')).tokens.epoch, derived.tokens.epoch)
      await client.namespace.unquarantine(names, token, client.by)
      equal(await client.read('k'), undefined)
    },
  },
  {
    name: 'quarantined names are still read, invalidated and expired',
    rule: 'MUTATE',
    run: async (stage) => {
      const client = await stage.open()
      const names = { keys: ['k'], tags: ['t'] }
      const token = client.clock.token()
      await client.namespace.quarantine(names, token, LIFE_MS, client.by)
      const minted = await client.namespace.tokens(KEY, ['t'], TAG_LIFE_MS, client.by)
      await client.namespace.expire(['k'], client.by)
      await client.namespace.invalidate(['k'], client.by)
      await client.namespace.expireTags(['t'], client.by)
      await client.namespace.invalidateTags(['t'], client.by)
      equal(await client.read('k'), undefined)
      notEqual((await client.tokens('t')).tags.get('t')?.slice(0, 8), minted.tags.get('t'))
      equal(await stateOf(client, 'k'), 'quarantined')
    },
  },
  {
    name: 'an end of a quarantine that never was resolves, and frees nothing',
    rule: 'MUTATE',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      await one.win('k')
      await other.namespace.unquarantine({ keys: ['k'], tags: ['t'] }, other.clock.token(), other.by)
      equal((await other.acquire('k')).state, 'busy')
    },
  },
  {
    name: 'a quarantine works in full memory',
    rule: 'MUTATE',
    needs: ['setFull', 'quarantinesWhenFull'],
    run: async (stage) => {
      const client = await stage.open()
      const names = { keys: ['k'], tags: ['t'] }
      await stage.whileFull(() =>
        client.namespace.quarantine(names, client.clock.token(), LIFE_MS, client.by),
      )
      equal(await stateOf(client, 'k'), 'quarantined')
      equal(await stateOf(client, 'other', 't'), 'quarantined')
    },
  },
]
