import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { AwaitedRead, encodeEntry } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import { KEY, stored, TAG_LIFE_MS, textOf } from '../client.ts'

/** What `read` and `tokens` answer. */
export const readCases: readonly CaseDefinition[] = [
  {
    name: 'a key that was never stored reads as undefined',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      equal(await client.read('nothing'), undefined)
    },
  },
  {
    name: 'reads of one turn each answer for their own key, absent and repeated ones too',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      for (const key of ['a', 'b', 'c']) await client.put(key, `value of ${key}`)
      const entries = await client.readMany(['c', 'absent', 'a', 'c', 'b'])
      deepEqual(
        entries.map((entry) => entry && textOf(entry)),
        ['value of c', undefined, 'value of a', 'value of c', 'value of b'],
      )
    },
  },
  {
    name: 'a read answers the tokens that it asks for, whatever it finds',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.win('k', { tags: ['t'] })
      const reply = await client.ask(new AwaitedRead('k', { tags: ['t'] }))
      equal(reply.found, undefined)
      deepEqual(reply.tokens, { ...tokens, epoch: undefined })
      const none = await client.ask(new AwaitedRead('k', { namespace: false }))
      deepEqual(none.tokens, { namespace: undefined, epoch: undefined, tags: new Map() })
    },
  },
  {
    name: 'a value comes back with everything that was stored of it',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      const payload = Buffer.from('the payload')
      const load = await client.win('k', { tags: ['one', 'two'] })
      const id = client.clock.token()
      const written = { id, payload, codec: 200, flags: 2, ttlMs: 20_000, keepMs: 50_000, loadMs: 321 }
      equal((await client.fill(load, '', written)).stored, true)
      const entry = await client.readStored('k')
      deepEqual(Buffer.from(entry.payload), payload)
      deepEqual(
        [entry.id, entry.codec, entry.flags, entry.loadMs, entry.version],
        [id, 200, 2, 321, undefined],
      )
      equal(entry.namespaceToken, load.tokens.namespace)
      deepEqual(new Map(entry.tags.map((tag) => [tag.name, tag.token])), load.tokens.tags)
      ok(entry.seen.startsWith(entry.id), 'it is known by its id')
    },
  },
  {
    name: 'ages count up and the times left count down, by the time that passed',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v', [], { ttlMs: 20_000, keepMs: 50_000 })
      const before = await client.readStored('k')
      await stage.pass(40)
      const after = await client.readStored('k')
      ok(before.ageMs >= 0 && before.ageMs < 5_000, `age ${before.ageMs}`)
      ok(after.ageMs - before.ageMs >= 30, `aged by ${after.ageMs - before.ageMs}`)
      // One millisecond for each rounding on the way.
      ok(Math.abs(after.freshMs - (20_000 - after.ageMs)) <= 2, `fresh for ${after.freshMs}`)
      ok(Math.abs(after.keepMs - (50_000 - after.ageMs)) <= 2, `kept for ${after.keepMs}`)
    },
  },
  {
    name: 'a value past its ttl is still there, and stale',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v', [], { ttlMs: 20, keepMs: 20_000 })
      await stage.pass(40)
      const entry = await client.readStored('k')
      ok(entry.freshMs <= 0, `fresh for ${entry.freshMs}`)
      equal(textOf(entry), 'v')
    },
  },
  {
    name: 'a value past its keep time is gone',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'v', [], { ttlMs: 20, keepMs: 20 })
      await stage.pass(45)
      const entry = await client.read('k')
      // A store that keeps by whole seconds may still show it, but with no time left.
      ok(entry === undefined || stored(entry).keepMs <= 0, 'absent, or no time left')
    },
  },
  {
    name: 'a tag without a token is missing from the tokens: missing matches nothing',
    rule: 'U',
    run: async (stage) => {
      const client = await stage.open()
      await client.win('k', { tags: ['present'] })
      const { tokens } = await client.ask(new AwaitedRead('k', { tags: ['present', 'missing'] }))
      deepEqual([...tokens.tags.keys()], ['present'])
      deepEqual([...(await client.tokens('missing', 'present')).tags.keys()], ['present'])
    },
  },
  {
    name: 'neither a read nor a look at the tokens mints any',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      await client.readMany(['k'], ['t'])
      await client.tokens('t')
      equal((await client.tokens('t')).tags.size, 0)
    },
  },
  {
    name: 'read, tokens and acquire agree on the tokens',
    rule: 'T',
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.win('k', { tags: ['a', 'b'] })
      const reply = await client.ask(new AwaitedRead('k', { tags: ['a', 'b'] }))
      deepEqual({ ...reply.tokens, epoch: tokens.epoch }, tokens)
      deepEqual(await client.tokens('a', 'b'), tokens)
    },
  },
  {
    name: 'tokens with a life mints what is missing and keeps what is there',
    rule: 'U',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const { tokens } = await one.win('k', { tags: ['old'] })
      const minted = await other.namespace.tokens(KEY, ['old', 'new'], TAG_LIFE_MS, other.by)
      equal(minted.tags.get('old'), tokens.tags.get('old'))
      equal(minted.namespace, tokens.namespace)
      equal(minted.epoch, tokens.epoch)
      equal(minted.tags.get('new')?.length, 8)
      deepEqual(await one.tokens('old', 'new'), minted)
    },
  },
  {
    name: 'every token is its own: namespaces, epochs and tags share none',
    rule: 'U',
    run: async (stage) => {
      const one = await stage.open()
      const other = await stage.open({ namespace: `${stage.namespace}-other` })
      const all = [await one.win('k', { tags: ['a', 'b'] }), await other.win('k', { tags: ['a', 'b'] })]
      const tokens = all.flatMap((load) => [
        load.tokens.namespace,
        load.tokens.epoch,
        ...load.tokens.tags.values(),
      ])
      equal(tokens.length, 8)
      equal(new Set(tokens).size, 8)
      for (const token of tokens) equal(token?.length, 8)
    },
  },
  {
    name: 'a request is marked as written by the time its reply is here',
    rule: 'J',
    run: async (stage) => {
      const client = await stage.open()
      const read = new AwaitedRead('k', { namespace: false, intent: 'load' })
      await client.ask(read)
      equal(read.written, true)
    },
  },
  {
    name: 'bytes that are no entry read as unreadable, never as a value and never as an error',
    rule: 'read',
    needs: ['plant'],
    run: async (stage) => {
      const client = await stage.open()
      const whole = encodeEntry(client.entry(), 'k', 1_700_000_000_000)
      const newer = Buffer.from(whole)
      newer[1] = 99
      const foreign = [Buffer.from('{"json":true}'), Buffer.from('H'), whole.subarray(0, 30), newer]
      for (const bytes of foreign) {
        await stage.plant('k', bytes)
        const entry = await client.read('k')
        ok(entry !== undefined && !entry.readable, `unreadable: ${bytes.subarray(0, 8)}`)
        notEqual(entry.reason, '')
      }
    },
  },
  {
    name: 'a value that is known is told as unchanged only as long as it is there, and with its tokens',
    rule: 'read',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const isStill = async (known: string | undefined) => {
        const read = new AwaitedRead('k', { known, tags: ['t'] })
        const { found, tokens } = await one.ask(read)
        deepEqual({ ...(await one.tokens('t')), epoch: undefined }, tokens)
        return read.isUnchanged || (found !== undefined && found.seen === known)
      }
      await other.load('k', 'v', ['t'])
      const { seen } = await one.readStored('k')
      equal(await isStill(seen), true)
      await other.namespace.invalidateTags(['t'], other.by)
      await other.namespace.clear(other.by)
      equal(await isStill(seen), true)
      await other.put('k', 'new')
      equal(await isStill(seen), false)
      await other.namespace.invalidate(['k'], other.by)
      equal(await isStill((await one.read('k'))?.seen ?? seen), false)
    },
  },
  {
    name: "another key's bytes read as unreadable",
    rule: 'read',
    needs: ['plant'],
    run: async (stage) => {
      const client = await stage.open()
      await stage.plant('k', encodeEntry(client.entry(), 'other', 1_700_000_000_000))
      equal((await client.read('k'))?.readable, false)
    },
  },
]
