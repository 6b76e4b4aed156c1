import { deepEqual, equal } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import { textOf } from '../client.ts'

/** What `invalidate` removes, and what it leaves. */
export const invalidateCases: readonly CaseDefinition[] = [
  {
    name: 'invalidated keys are absent for everyone, all others stay',
    rule: 'invalidate',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      for (const key of ['a', 'b', 'c']) await one.load(key, key)
      await one.namespace.invalidate(['a', 'c', 'never stored'], one.by)
      for (const client of [one, other]) {
        const entries = await client.readMany(['a', 'b', 'c'])
        deepEqual(
          entries.map((entry) => entry && textOf(entry)),
          [undefined, 'b', undefined],
        )
      }
    },
  },
  {
    name: 'an invalidation stays in its namespace',
    rule: 'invalidate',
    run: async (stage) => {
      const one = await stage.open()
      const other = await stage.open({ namespace: `${stage.namespace}-other` })
      await one.load('k', 'one')
      await other.load('k', 'other')
      await one.namespace.invalidate(['k'], one.by)
      equal(await other.readText('k'), 'other')
    },
  },
  {
    name: 'an invalidation of no keys resolves',
    rule: 'invalidate',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v')
      await client.namespace.invalidate([], client.by)
      equal(await client.readText('k'), 'v')
    },
  },
  {
    name: 'an invalidation voids the lease: its token is worth nothing and the next caller wins',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.namespace.invalidate(['k'], other.by)
      equal(await one.namespace.renew('k', load.token, 5_000, one.by), false)
      equal(await one.namespace.release('k', load.token, one.by), false)
      await other.win('k')
    },
  },
  {
    name: 'an invalidation of one key leaves the leases of others',
    rule: 'F',
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('a')
      await client.namespace.invalidate(['b'], client.by)
      equal((await client.fill(load, 'v')).stored, true)
    },
  },
  {
    name: 'invalidation works in full memory',
    rule: 'invalidate',
    needs: ['setFull'],
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v')
      const load = await client.win('leased')
      await stage.whileFull(() => client.namespace.invalidate(['k', 'leased'], client.by))
      equal(await client.read('k'), undefined)
      equal((await client.fill(load, 'v')).stored, false)
    },
  },
]
