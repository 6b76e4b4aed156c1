import { equal, ok } from 'node:assert/strict'
import { AwaitedRead } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import { type Client, KEY, TAG_LIFE_MS, textOf } from '../client.ts'
import type { Stage } from '../stage.ts'

const ODD_KEYS = ['a\r\nb', 'nul\0', '🦊', '{x}:y', '__proto__', 'é'] as const

type Change = (writer: Client, key: string) => Promise<unknown>

const CHANGES: readonly (readonly [name: string, change: Change])[] = [
  ['a put', (writer, key) => writer.put(key, 'new')],
  ['a fill', (writer, key) => writer.load(key, 'new')],
  ['an invalidation', (writer, key) => writer.namespace.invalidate([key], writer.by)],
  ['an expire', (writer, key) => writer.namespace.expire([key], writer.by)],
]

/** A reader of a stored key, and a writer in another process. */
async function readerAndWriter(stage: Stage, key: string): Promise<{ reader: Client; writer: Client }> {
  const [reader, writer] = [await stage.open(), await stage.open()]
  await writer.put(key, 'old')
  equal(await reader.readText(key), 'old')
  reader.watcher.forget()
  return { reader, writer }
}

type Learn = (client: Client) => Promise<unknown>

/** Every way to learn the token of the tag 't'. */
const LEARNING: readonly (readonly [name: string, learn: Learn])[] = [
  ['a look at the tokens', (client) => client.tokens('t')],
  ['minting', (client) => client.namespace.tokens(KEY, ['t'], TAG_LIFE_MS, client.by)],
  ['a read', (client) => client.ask(new AwaitedRead('k', { tags: ['t'] }))],
  ['an acquire', (client) => client.acquire('k', { tags: ['t'] })],
  ['a fill', (client) => client.load('k', 'v', ['t'])],
  ['a put', (client) => client.put('k', 'v', { tags: ['t'] })],
]

/** What a process without L1 relies on: tokens that it has learned are pushed when they change. */
const learnedTokenCases: readonly CaseDefinition[] = LEARNING.map(([name, learn]) => ({
  name: `where only tokens are tracked, one learned by ${name} is pushed when it changes`,
  rule: 'P',
  needs: ['push'],
  run: async (stage) => {
    const [reader, writer] = [await stage.open({ tracking: 'tokens' }), await stage.open()]
    const changes: readonly (readonly [event: string, change: () => Promise<unknown>])[] = [
      ['tag t', () => writer.namespace.invalidateTags(['t'], writer.by)],
      ['namespace', () => writer.namespace.clear(writer.by)],
    ]
    for (const [event, change] of changes) {
      await writer.namespace.tokens(KEY, ['t'], TAG_LIFE_MS, writer.by)
      await writer.namespace.invalidate(['k'], writer.by)
      await learn(reader)
      await reader.store.barrier(reader.by)
      reader.watcher.forget()
      await change()
      // What the next reply is held against must be known when it comes.
      await reader.ask(new AwaitedRead('another key', { namespace: false }))
      ok(reader.watcher.has(event), event)
    }
  },
}))

/** What was done before is told before: to a barrier, to any later reply, to `verified`. */
const orderCases: readonly CaseDefinition[] = [
  {
    name: 'a barrier resolves after the push of what happened before it',
    rule: 'P',
    needs: ['push'],
    run: async (stage) => {
      const { reader, writer } = await readerAndWriter(stage, 'k')
      for (let round = 0; round < 20; round++) {
        await reader.read('k')
        reader.watcher.forget()
        await writer.put('k', `round ${round}`)
        await reader.store.barrier(reader.by)
        ok(reader.watcher.has('key k'), `told before the barrier, round ${round}`)
      }
    },
  },
  {
    name: 'a barrier resolves after the push of a tag, of a clear and of a lease',
    rule: 'P',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await reader.load('k', 'v', ['t'])
      const load = await writer.win('leased')
      await reader.acquire('leased')
      reader.watcher.forget()
      await writer.namespace.invalidateTags(['t'], writer.by)
      await writer.namespace.clear(writer.by)
      await writer.namespace.release('leased', load.token, writer.by)
      await reader.store.barrier(reader.by)
      for (const event of ['tag t', 'namespace', 'lease leased']) ok(reader.watcher.has(event), event)
    },
  },
  {
    name: 'any reply comes after the push of what happened before it',
    rule: 'P',
    needs: ['push'],
    run: async (stage) => {
      const { reader, writer } = await readerAndWriter(stage, 'k')
      for (let round = 0; round < 20; round++) {
        await reader.read('k')
        reader.watcher.forget()
        await writer.namespace.expire(['k'], writer.by)
        await reader.read('another key')
        ok(reader.watcher.has('key k'), `told before the reply, round ${round}`)
      }
    },
  },
  {
    name: 'a moment is verified after the push of what happened before it',
    rule: 'P',
    needs: ['push'],
    run: async (stage) => {
      const { reader, writer } = await readerAndWriter(stage, 'k')
      await writer.put('k', 'new')
      const doneMs = reader.clock.now()
      await stage.until(() => reader.watcher.verifiedMs >= doneMs, 'a heartbeat')
      ok(reader.watcher.has('key k'), 'told before it is verified')
    },
  },
  {
    name: 'between a read and a put at the same time no push is lost',
    rule: 'P',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await writer.put('k', 'round -1')
      for (let round = 0; round < 50; round++) {
        reader.watcher.forget()
        const [entry] = await Promise.all([reader.read('k'), writer.put('k', `round ${round}`)])
        await reader.store.barrier(reader.by)
        const isNew = entry !== undefined && textOf(entry) === `round ${round}`
        ok(isNew || reader.watcher.has('key k'), `the new value or a push, round ${round}`)
      }
    },
  },
]

const keyCases: readonly CaseDefinition[] = CHANGES.flatMap(([what, change]) => [
  {
    name: `${what} by another is told to who has read the key`,
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const { reader, writer } = await readerAndWriter(stage, 'k')
      await change(writer, 'k')
      await stage.told(reader, 'key k')
    },
  },
  {
    name: `${what} is told again to who has read again`,
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const { reader, writer } = await readerAndWriter(stage, 'k')
      await change(writer, 'k')
      await stage.told(reader, 'key k')
      await writer.put('k', 'old again')
      await reader.read('k')
      await reader.store.barrier(reader.by)
      reader.watcher.forget()
      await change(writer, 'k')
      await stage.told(reader, 'key k')
    },
  },
])

const tokenCases: readonly CaseDefinition[] = [
  {
    name: 'a replaced tag is told to who was given its token: by fill, put, read or tokens',
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await writer.win('k', { tags: ['read', 'tokens'] })
      await reader.load('filled', 'v', ['fill'])
      await reader.put('put', 'v', { tags: ['put'] })
      await reader.readMany(['k'], ['read'])
      await reader.tokens('tokens')
      reader.watcher.forget()
      await writer.namespace.invalidateTags(['fill', 'put'], writer.by)
      await writer.namespace.expireTags(['read', 'tokens'], writer.by)
      for (const tag of ['fill', 'put', 'read', 'tokens']) await stage.told(reader, `tag ${tag}`)
    },
  },
  {
    name: 'a clear is told to who was given the namespace token',
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await reader.load('k', 'v')
      await writer.namespace.clear(writer.by)
      await stage.told(reader, 'namespace')
    },
  },
  {
    name: 'a change is told in its own namespace only',
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const reader = await stage.open()
      const other = await stage.openOn(reader.store, `${stage.namespace}-other`)
      const writer = await stage.open()
      await writer.put('k', 'v', { tags: ['t'] })
      await other.put('k', 'v', { tags: ['t'] })
      for (const client of [reader, other]) await client.readMany(['k'], ['t'])
      await reader.store.barrier(reader.by)
      other.watcher.forget()
      await writer.put('k', 'new')
      await writer.namespace.invalidateTags(['t'], writer.by)
      await stage.told(reader, 'key k')
      await stage.told(reader, 'tag t')
      equal(other.watcher.events.length, 0)
    },
  },
  {
    name: 'odd keys and tags are told by their very names',
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      for (const key of ODD_KEYS) await reader.load(key, 'v', [key])
      reader.watcher.forget()
      await writer.namespace.invalidate(ODD_KEYS, writer.by)
      await writer.namespace.invalidateTags(ODD_KEYS, writer.by)
      for (const key of ODD_KEYS) {
        await stage.told(reader, `key ${key}`)
        await stage.told(reader, `tag ${key}`)
      }
    },
  },
]

const ownCases: readonly CaseDefinition[] = [
  {
    name: "a process' own fill is not told to it, and the key stays tracked",
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await reader.load('k', 'old')
      reader.watcher.forget()
      await reader.load('k', 'new')
      await reader.store.barrier(reader.by)
      equal(reader.watcher.has('key k'), false)
      await writer.put('k', 'newer')
      await stage.told(reader, 'key k')
    },
  },
  {
    name: "a process' own put is not told to it",
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const { reader } = await readerAndWriter(stage, 'k')
      await reader.put('k', 'own')
      await reader.store.barrier(reader.by)
      equal(reader.watcher.has('key k'), false)
    },
  },
  {
    name: 'a key stays tracked by who has put it',
    rule: 'push',
    needs: ['push'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await reader.put('k', 'own')
      await reader.store.barrier(reader.by)
      reader.watcher.forget()
      await writer.put('k', 'foreign')
      await stage.told(reader, 'key k')
    },
  },
]

const faultCases: readonly CaseDefinition[] = [
  {
    name: 'an eviction is told',
    rule: 'push',
    needs: ['push', 'evict'],
    run: async (stage) => {
      const reader = await stage.open()
      await reader.load('k', 'v', ['t'])
      await stage.evict('value', 'k')
      await stage.evict('tag', 't')
      await stage.told(reader, 'key k')
      await stage.told(reader, 'tag t')
    },
  },
  {
    name: 'an emptied server is told as a change of everything',
    rule: 'push',
    needs: ['push', 'flush'],
    run: async (stage) => {
      const reader = await stage.open()
      await reader.load('k', 'v')
      await stage.flush()
      await stage.told(reader, 'everything')
      equal(await reader.read('k'), undefined)
    },
  },
]

/** Every change of a name that a process has read is told to it, in the order of the wire. */
export const pushCases: readonly CaseDefinition[] = [
  ...orderCases,
  ...keyCases,
  ...tokenCases,
  ...learnedTokenCases,
  ...ownCases,
  ...faultCases,
]
