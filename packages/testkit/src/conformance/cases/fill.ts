import { deepEqual, equal, notEqual } from 'node:assert/strict'
import type { Filled } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import type { Client, Load } from '../client.ts'
import { rejectsWith } from '../rejects.ts'

/** A fill whose tags or namespace were invalidated may be refused; a stored one must show it, and match nothing. */
async function isHarmless(client: Client, load: Load, filled: Filled): Promise<void> {
  if (!filled.stored) return
  notEqual(JSON.stringify(comparable(filled)), JSON.stringify(comparable(load)), 'the tokens show it')
  const entry = await client.read(load.key)
  if (entry?.readable) equal(await client.isValid(entry, load.key), false, 'the entry matches nothing')
}

function comparable({ tokens }: Pick<Filled, 'tokens'>): readonly unknown[] {
  return [tokens.namespace, ...[...tokens.tags].sort()]
}

/** A fill is stored only while its token holds the lease (rule F). */
export const fillCases: readonly CaseDefinition[] = [
  {
    name: 'a fill by the holder is stored, for everyone, and gives the lease back',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      equal((await one.fill(load, 'v')).stored, true)
      equal(await other.readText('k'), 'v')
      await other.win('k', { seen: (await other.readStored('k')).seen })
    },
  },
  {
    name: 'a fill answers the tokens of its tags, the namespace and the epoch, unchanged if nothing happened',
    rule: 'T',
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k', { tags: ['a', 'b'] })
      deepEqual((await client.fill(load, 'v')).tokens, load.tokens)
    },
  },
  {
    name: 'a fill without a lease, or with a foreign token, stores nothing',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      equal((await other.fill({ ...load, token: other.clock.token() }, 'foreign')).stored, false)
      equal((await one.fill({ ...load, key: 'k2' }, 'other key')).stored, false)
      deepEqual(await one.readMany(['k', 'k2']), [undefined, undefined])
    },
  },
  {
    name: 'a token fills once',
    rule: 'F',
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k')
      equal((await client.fill(load, 'first')).stored, true)
      equal((await client.fill(load, 'second')).stored, false)
      equal(await client.readText('k'), 'first')
    },
  },
  {
    name: 'a fill after an invalidation of its key stores nothing',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.namespace.invalidate(['k'], other.by)
      equal((await one.fill(load, 'old')).stored, false)
      equal(await other.read('k'), undefined)
    },
  },
  {
    name: "a fill after an invalidation and another's lease stores nothing and leaves that lease alone",
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.namespace.invalidate(['k'], other.by)
      const next = await other.win('k')
      equal((await one.fill(load, 'old')).stored, false)
      equal((await other.fill(next, 'new')).stored, true)
      equal(await one.readText('k'), 'new')
    },
  },
  {
    name: 'a fill after a put stores nothing',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.put('k', 'new')
      equal((await one.fill(load, 'old')).stored, false)
      equal(await one.readText('k'), 'new')
    },
  },
  {
    name: 'a fill after an expire stores nothing',
    rule: 'F',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.namespace.expire(['k'], other.by)
      equal((await one.fill(load, 'old')).stored, false)
    },
  },
  {
    name: 'a fill after its lease was evicted stores nothing',
    rule: 'F',
    needs: ['evict'],
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k')
      await stage.evict('lease', 'k')
      equal((await client.fill(load, 'v')).stored, false)
    },
  },
  {
    name: 'a fill after an invalidation of its tag is refused, or stored under the old token for no reader',
    rule: 'T',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k', { tags: ['t', 'u'] })
      await other.namespace.invalidateTags(['t'], other.by)
      await isHarmless(one, load, await one.fill(load, 'old'))
    },
  },
  {
    name: 'a fill after a clear is refused, or stored under the old token for no reader',
    rule: 'T',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.namespace.clear(other.by)
      await isHarmless(one, load, await one.fill(load, 'old'))
    },
  },
  {
    name: 'a fill after an invalidation of any tag shows another epoch',
    rule: "T'",
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      await other.namespace.invalidateTags(['a tag of the row that no one could know'], other.by)
      const filled = await one.fill(load, 'old')
      notEqual(filled.tokens.epoch, load.tokens.epoch)
    },
  },
  {
    name: 'a fill after its tag was evicted shows the tag as missing',
    rule: 'U',
    needs: ['evict'],
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k', { tags: ['t'] })
      await stage.evict('tag', 't')
      equal((await client.fill(load, 'v')).tokens.tags.has('t'), false)
    },
  },
  {
    name: 'a refill replaces payload and tags',
    rule: 'fill',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'old', ['a'])
      await client.load('k', 'new', ['b'])
      const entry = await client.readStored('k')
      deepEqual([Buffer.from(entry.payload).toString(), entry.tags.map((tag) => tag.name)], ['new', ['b']])
    },
  },
  {
    name: 'a fill in full memory rejects with l2_error and stores nothing',
    rule: 'fill',
    needs: ['setFull'],
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k')
      await stage.whileFull(async () => {
        await rejectsWith(client.fill(load, 'v'), 'l2_error')
        equal(await client.read('k'), undefined)
      })
    },
  },
]
