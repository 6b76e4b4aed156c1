import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { softenedAtMs } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import { KEY, textOf } from '../client.ts'

/** `expire` and `expireTags` keep what they touch, as stale. */
export const expireCases: readonly CaseDefinition[] = [
  {
    name: 'an expired value is still there, stale, with its keep time',
    rule: 'expire',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      await one.load('k', 'v', ['t'])
      await one.load('untouched', 'v')
      await other.namespace.expire(['k', 'never stored'], other.by)
      const entry = await one.readStored('k')
      equal(textOf(entry), 'v')
      ok(entry.freshMs <= 0, `fresh for ${entry.freshMs}`)
      ok(entry.keepMs > 50_000, `kept for ${entry.keepMs}`)
      equal(await one.isValid(entry), true)
      ok((await one.readStored('untouched')).freshMs > 0)
      equal(await one.read('never stored'), undefined)
    },
  },
  {
    name: 'an expired value is stale since it was expired, however often it is read',
    rule: 'expire',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v')
      await client.namespace.expire(['k'], client.by)
      await client.namespace.expire(['k'], client.by)
      await stage.pass(30)
      const entry = await client.readStored('k')
      ok(entry.freshMs <= -20 && entry.freshMs > -5_000, `stale for ${-entry.freshMs} ms`)
    },
  },
  {
    name: 'an expired tag tells since when',
    rule: 'expireTags',
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t'])
      equal(softenedAtMs(tokens.tags.get('t') ?? ''), undefined)
      await client.namespace.expireTags(['t'], client.by)
      await stage.pass(30)
      const token = (await client.tokens('t')).tags.get('t') ?? ''
      const sinceMs = (await client.readStored('k')).readAtMs - (softenedAtMs(token) ?? Number.NaN)
      ok(sinceMs >= 20 && sinceMs < 5_000, `expired ${sinceMs} ms ago`)
    },
  },
  {
    name: 'an expired value can be loaded over, and is fresh again',
    rule: 'expire',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'old')
      await client.namespace.expire(['k'], client.by)
      await client.load('k', 'new')
      const entry = await client.readStored('k')
      equal(textOf(entry), 'new')
      ok(entry.freshMs > 0)
    },
  },
  {
    name: 'an expire voids the lease',
    rule: 'expire',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v')
      const load = await client.win('k', { seen: (await client.readStored('k')).seen })
      await client.namespace.expire(['k'], client.by)
      equal(await client.namespace.release('k', load.token, client.by), false)
      equal((await client.fill(load, 'old')).stored, false)
    },
  },
  {
    name: 'an expired tag keeps its hard part and gets a new soft part each time',
    rule: 'expireTags',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const { tokens } = await one.load('k', 'v', ['t'])
      const hard = tokens.tags.get('t')
      const seen = new Set<string | undefined>([hard])
      for (let round = 0; round < 3; round++) {
        await other.namespace.expireTags(['t'], other.by)
        const token = (await one.tokens('t')).tags.get('t')
        equal(token?.length, 16)
        equal(token?.slice(0, 8), hard)
        seen.add(token)
      }
      equal(seen.size, 4)
    },
  },
  {
    name: 'an expired tag leaves values, other tags and the namespace as they are',
    rule: 'expireTags',
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t', 'u'])
      await client.namespace.expireTags(['t'], client.by)
      const after = await client.tokens('t', 'u')
      equal(after.tags.get('u'), tokens.tags.get('u'))
      equal(after.namespace, tokens.namespace)
      const entry = await client.readStored('k')
      equal(await client.isValid(entry), true)
      deepEqual(new Map(entry.tags.map((tag) => [tag.name, tag.token])), tokens.tags)
    },
  },
  {
    name: 'an entry keeps a tag token of two parts',
    rule: 'expireTags',
    run: async (stage) => {
      const client = await stage.open()
      await client.namespace.tokens(KEY, ['t'], 60_000, client.by)
      await client.namespace.expireTags(['t'], client.by)
      const { tokens } = await client.load('k', 'v', ['t', 'u'])
      const entry = await client.readStored('k')
      deepEqual(new Map(entry.tags.map((tag) => [tag.name, tag.token])), tokens.tags)
      equal(tokens.tags.get('t')?.length, 16)
    },
  },
  {
    name: 'a tag that was expired is still invalidated hard',
    rule: 'T',
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t'])
      await client.namespace.expireTags(['t'], client.by)
      await client.namespace.invalidateTags(['t'], client.by)
      notEqual((await client.tokens('t')).tags.get('t')?.slice(0, 8), tokens.tags.get('t'))
    },
  },
  {
    name: 'an expire of a missing tag is a hard invalidation, with a new epoch',
    rule: 'expireTags',
    needs: ['evict'],
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t'])
      await stage.evict('tag', 't')
      await client.namespace.expireTags(['t'], client.by)
      const after = await client.namespace.tokens(KEY, ['t'], 60_000, client.by)
      notEqual(after.tags.get('t')?.slice(0, 8), tokens.tags.get('t'))
      notEqual(after.epoch, tokens.epoch)
    },
  },
  {
    name: 'an expire of a tag in full memory leaves no entry of it fresh',
    rule: 'expireTags',
    needs: ['setFull'],
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v', ['t'])
      await stage.whileFull(() => client.namespace.expireTags(['t'], client.by))
      notEqual((await client.tokens('t')).tags.get('t'), tokens.tags.get('t'))
    },
  },
]
