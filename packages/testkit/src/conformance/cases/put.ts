import { deepEqual, equal, ok } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import { textOf } from '../client.ts'
import { rejectsWith, UNANSWERED } from '../rejects.ts'

/** An unconditional put: the last to arrive wins. */
export const putCases: readonly CaseDefinition[] = [
  {
    name: 'a put is stored over whatever is there, for everyone',
    rule: 'put',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      for (const text of ['first', 'second']) {
        equal((await one.put('k', text)).outcome, 'stored')
        equal(await other.readText('k'), text)
      }
      await other.load('filled', 'old')
      equal((await one.put('filled', 'new')).outcome, 'stored')
      equal(await other.readText('filled'), 'new')
    },
  },
  {
    name: 'a put takes the namespace token and the tags of the moment, and mints those that are missing',
    rule: 'put',
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.win('k', { tags: ['old'] })
      const reply = await client.put('k', 'v', { tags: ['old', 'new'] })
      equal(reply.tokens.tags.get('old'), tokens.tags.get('old'))
      equal(reply.tokens.tags.get('new')?.length, 8)
      const entry = await client.readStored('k')
      deepEqual(new Map(entry.tags.map((tag) => [tag.name, tag.token])), reply.tokens.tags)
      equal(entry.namespaceToken, tokens.namespace)
      equal(await client.isValid(entry), true)
    },
  },
  {
    name: 'the first put of a namespace has a namespace token that matches',
    rule: 'put',
    run: async (stage) => {
      const client = await stage.open()
      const reply = await client.put('k', 'v')
      const entry = await client.readStored('k')
      equal(reply.tokens.namespace, entry.namespaceToken)
      equal(await client.isValid(entry), true)
    },
  },
  {
    name: 'a put keeps what describes the value',
    rule: 'put',
    run: async (stage) => {
      const client = await stage.open()
      const id = client.clock.token()
      await client.put('k', 'v', { entry: { id, codec: 9, flags: 2, loadMs: 12 } })
      const entry = await client.readStored('k')
      deepEqual([entry.id, entry.codec, entry.flags, entry.loadMs, entry.version], [id, 9, 2, 12, undefined])
    },
  },
  {
    name: 'a put voids the lease of its key and leaves other leases',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      const elsewhere = await one.win('k2')
      await other.put('k', 'v')
      equal(await one.namespace.release('k', load.token, one.by), false)
      equal((await one.fill(elsewhere, 'v')).stored, true)
    },
  },
  {
    name: 'an entry that was put is invalidated by its tags',
    rule: 'T',
    run: async (stage) => {
      const client = await stage.open()
      await client.put('k', 'v', { tags: ['t'] })
      await client.namespace.invalidateTags(['t'], client.by)
      const entry = await client.read('k')
      if (entry?.readable) equal(await client.isValid(entry), false)
    },
  },
  {
    name: 'a put whose time is over before it starts rejects and stores nothing',
    rule: 'put',
    run: async (stage) => {
      const client = await stage.open()
      await rejectsWith(client.put('k', 'v', { by: client.clock.now() - 1 }), ...UNANSWERED)
      await client.store.barrier(client.by)
      await stage.used(client, 'k')
      equal(await client.read('k'), undefined)
    },
  },
  {
    name: 'a put that the server sees after its deadline stores nothing',
    rule: 'put',
    needs: ['stall'],
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      await other.put('k', 'before')
      await stage.whileStalled(async () => {
        await rejectsWith(one.put('k', 'too late', { by: one.clock.now() + 30 }), ...UNANSWERED)
        // Server time is a whole number of milliseconds, estimated at the client.
        await stage.pass(10)
      })
      await one.store.barrier(one.by)
      await stage.used(one, 'k')
      // A store of several parts owes its part an invalidation of the key by now.
      const held = await other.read('k')
      ok(held === undefined || textOf(held) === 'before')
    },
  },
  {
    name: 'a put in full memory rejects with l2_error',
    rule: 'put',
    needs: ['setFull'],
    run: async (stage) => {
      const client = await stage.open()
      await stage.whileFull(() => rejectsWith(client.put('k', 'v'), 'l2_error'))
      equal(await client.read('k'), undefined)
    },
  },
]
