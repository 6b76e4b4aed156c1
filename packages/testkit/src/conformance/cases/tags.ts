import { deepEqual, equal, notEqual } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import { KEY, TAG_LIFE_MS } from '../client.ts'

/** What `invalidateTags` replaces: the epoch and the tokens of its tags, and nothing else. */
export const tagCases: readonly CaseDefinition[] = [
  {
    name: 'invalidated tags get new tokens, other tags and the namespace keep theirs',
    rule: 'T',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const { tokens } = await one.win('k', { tags: ['a', 'b', 'c'] })
      await other.namespace.invalidateTags(['a', 'b'], other.by)
      const after = await one.tokens('a', 'b', 'c')
      notEqual(after.tags.get('a'), tokens.tags.get('a'))
      notEqual(after.tags.get('b'), tokens.tags.get('b'))
      equal(after.tags.get('c'), tokens.tags.get('c'))
      equal(after.namespace, tokens.namespace)
    },
  },
  {
    name: 'every invalidation of a tag replaces the epoch, also of a tag that has no token',
    rule: "T'",
    run: async (stage) => {
      const client = await stage.open()
      const epochs = [(await client.win('k', { tags: ['a'] })).tokens.epoch]
      for (const tag of ['a', 'a', 'never seen']) {
        await client.namespace.invalidateTags([tag], client.by)
        // Removed is as good as replaced: the next load mints another.
        epochs.push((await client.namespace.tokens(KEY, [], TAG_LIFE_MS, client.by)).epoch)
      }
      equal(new Set(epochs).size, 4)
    },
  },
  {
    name: 'entries of an invalidated tag match no more, all others still do',
    rule: 'T',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('both', 'v', ['a', 'b'])
      await client.load('only b', 'v', ['b'])
      await client.load('none', 'v')
      await client.namespace.invalidateTags(['a'], client.by)
      const both = await client.read('both')
      if (both?.readable) equal(await client.isValid(both, 'both'), false)
      equal(await client.isValid(await client.readStored('only b'), 'only b'), true)
      equal(await client.isValid(await client.readStored('none'), 'none'), true)
    },
  },
  {
    name: 'an invalidation of a tag leaves leases and the same tag of other namespaces alone',
    rule: 'T',
    run: async (stage) => {
      const one = await stage.open()
      const other = await stage.open({ namespace: `${stage.namespace}-other` })
      const load = await one.win('k', { tags: ['t'] })
      const elsewhere = await other.load('k', 'v', ['t'])
      await one.namespace.invalidateTags(['t'], one.by)
      equal(await one.namespace.renew('k', load.token, 5_000, one.by), true)
      deepEqual(await other.tokens('t'), elsewhere.tokens)
    },
  },
  {
    name: 'no tags to invalidate, and a tag that nothing carries, both resolve',
    rule: 'invalidateTags',
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.load('k', 'v', ['t'])
      await client.namespace.invalidateTags([], client.by)
      await client.namespace.invalidateTags(['carried by nothing'], client.by)
      equal((await client.tokens('t')).tags.get('t'), load.tokens.tags.get('t'))
    },
  },
  {
    name: 'a tag never has a token twice',
    rule: 'U',
    run: async (stage) => {
      const clients = [await stage.open(), await stage.open()]
      const seen = new Set<string | undefined>()
      for (let round = 0; round < 20; round++) {
        for (const client of clients) {
          await client.namespace.invalidateTags(['t'], client.by)
          seen.add((await client.namespace.tokens(KEY, ['t'], TAG_LIFE_MS, client.by)).tags.get('t'))
        }
      }
      equal(seen.size, 40)
    },
  },
  {
    name: 'an evicted tag is missing, and minted again it is another: nothing old comes back',
    rule: 'U',
    needs: ['evict'],
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t'])
      await client.namespace.invalidateTags(['t'], client.by)
      await stage.evict('tag', 't')
      equal((await client.tokens('t')).tags.has('t'), false)
      const again = await client.win('k2', { tags: ['t'] })
      equal(again.tokens.tags.get('t')?.length, 8)
      notEqual(again.tokens.tags.get('t'), tokens.tags.get('t'))
      const entry = await client.read('k')
      if (entry?.readable) equal(await client.isValid(entry), false)
    },
  },
  {
    name: 'an evicted namespace token, minted again, is another: nothing old comes back',
    rule: 'U',
    needs: ['evict'],
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v')
      await stage.evict('namespace')
      const again = await client.win('k2')
      equal(again.tokens.namespace?.length, 8)
      notEqual(again.tokens.namespace, tokens.namespace)
    },
  },
  {
    name: 'an evicted epoch, minted again, is another',
    rule: "T'",
    needs: ['evict'],
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k')
      await stage.evict('epoch')
      const again = await client.win('k2')
      equal(again.tokens.epoch?.length, 8)
      notEqual(again.tokens.epoch, load.tokens.epoch)
    },
  },
  {
    name: 'tags are invalidated in full memory, by removal if need be',
    rule: 'invalidateTags',
    needs: ['setFull'],
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t'])
      await stage.whileFull(() => client.namespace.invalidateTags(['t'], client.by))
      const after = await client.tokens('t')
      notEqual(after.tags.get('t'), tokens.tags.get('t'))
      notEqual(after.epoch, tokens.epoch)
      equal(after.namespace, tokens.namespace)
    },
  },
]
