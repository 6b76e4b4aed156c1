import { deepEqual, equal, fail, notEqual, ok } from 'node:assert/strict'
import { AwaitedRead, type Token } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import type { Client } from '../client.ts'
import { rejectsWith } from '../rejects.ts'

const KEYS_TRIED_MAX = 1000
// A refusal needs no server; it was given five seconds. The rest is for a busy machine.
const AT_ONCE_MS = 1_000

/** Keys of one part, and one that another keeps. */
function keysOf(client: Client): { readonly here: readonly string[]; readonly elsewhere: string } {
  const part = (key: string) => client.namespace.part?.(key)
  const keys = Array.from({ length: KEYS_TRIED_MAX }, (_, i) => `k${i}`)
  const here = keys.filter((key) => part(key) === part('k0')).slice(0, 4)
  const elsewhere = keys.find((key) => part(key) !== part('k0'))
  if (here.length < 4 || elsewhere === undefined) fail('a store in parts has keys in more than one')
  return { here, elsewhere }
}

async function namespaceToken(client: Client, key: string): Promise<Token | undefined> {
  return (await client.namespace.tokens(key, [], 60_000, client.by)).namespace
}

async function isValid(client: Client, key: string): Promise<boolean> {
  const entry = await client.read(key)
  return entry?.readable === true && (await client.isValid(entry, key))
}

/** What a store of several parts owes to each of them, and keeps apart. */
export const partCases: readonly CaseDefinition[] = [
  {
    name: 'keys of one part share its tokens, another part has its own',
    rule: 'parts',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const { here, elsewhere } = keysOf(client)
      const tokens = await Promise.all(here.map((key) => namespaceToken(client, key)))
      equal(new Set(tokens).size, 1)
      notEqual(await namespaceToken(client, elsewhere), tokens[0])
    },
  },
  {
    name: 'tags are invalidated, and a namespace is cleared, in every part',
    rule: 'parts',
    needs: ['losePart'],
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
      for (const invalidate of [
        () => one.namespace.invalidateTags(['t'], one.by),
        () => one.namespace.clear(one.by),
      ]) {
        for (const key of keys) await one.load(key, 'v', ['t'])
        equal(await invalidate(), 'applied')
        for (const key of keys) equal(await isValid(other, key), false, key)
      }
    },
  },
  {
    name: 'a key of a part that is away is refused at once, the others are used as ever',
    rule: 'parts',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const { here, elsewhere } = keysOf(client)
      const [key = ''] = here
      await stage.whilePartIsLost(client, key, async () => {
        await stage.until(() => client.namespace.part?.(key) !== undefined, 'a part')
        const token = client.clock.token()
        const startMs = client.clock.now()
        await rejectsWith(client.ask(new AwaitedRead(key)), 'l2_part_away')
        await rejectsWith(client.namespace.tokens(key, ['t'], undefined, client.by), 'l2_part_away')
        await rejectsWith(client.acquire(key), 'l2_part_away')
        await rejectsWith(client.put(key, 'v'), 'l2_part_away')
        await rejectsWith(client.namespace.renew(key, token, 5_000, client.by), 'l2_part_away')
        ok(client.clock.now() - startMs < AT_ONCE_MS, 'at once')
        await client.load(elsewhere, 'v', ['t'])
        equal(await isValid(client, elsewhere), true)
        deepEqual(
          client.watcher.events.filter((event) => event === 'lost'),
          [],
        )
      })
    },
  },
  {
    name: 'how each server stands is told, and which one keeps a key',
    rule: 'parts',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const { namespace, watcher } = client
      const { here, elsewhere } = keysOf(client)
      const [key = ''] = here
      const address = namespace.serverOf?.(key)?.address
      const other = namespace.serverOf?.(elsewhere)?.address
      const stateOf = (wanted: string | undefined) =>
        namespace.servers?.find((server) => server.address === wanted)
      await stage.until(() => stateOf(address)?.state === 'used' && stateOf(other)?.state === 'used', 'both')
      notEqual(other, address)
      let changes = watcher.serverChanges
      await stage.whilePartIsLost(client, key, async () => {
        await stage.until(() => stateOf(address)?.state === 'away', 'it is away')
        ok(watcher.serverChanges > changes, 'told that it is away')
        equal(await namespace.invalidate([key], client.by), 'queued')
        equal(stateOf(address)?.owed, 1)
        deepEqual([stateOf(other)?.state, stateOf(other)?.owed], ['used', 0])
        changes = watcher.serverChanges
      })
      await stage.until(() => stateOf(address)?.state === 'used', 'it is used again')
      equal(stateOf(address)?.owed, 0)
      ok(watcher.serverChanges > changes, 'told that it is used')
    },
  },
  {
    name: 'a part that was away is told what it is owed before it is used again',
    rule: 'Q',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const [deleted = '', expired = '', tagged = '', softened = ''] = keysOf(client).here
      await client.load(deleted, 'v')
      await client.load(expired, 'v')
      await client.load(tagged, 'v', ['t'])
      await client.load(softened, 'v', ['u'])
      await stage.whilePartIsLost(client, deleted, async () => {
        const reached = await Promise.all([
          client.namespace.invalidate([deleted], client.by),
          client.namespace.expire([expired], client.by),
          client.namespace.invalidateTags(['t'], client.by),
          client.namespace.expireTags(['u'], client.by),
        ])
        deepEqual(reached, ['queued', 'queued', 'queued', 'queued'])
        ok((client.namespace.owed ?? 0) >= 4, 'it is counted')
      })
      await stage.used(client, deleted)
      equal(await client.read(deleted), undefined)
      const stale = await client.read(expired)
      ok(stale === undefined || (stale.readable && stale.freshMs <= 0), 'expired')
      equal(await isValid(client, tagged), false)
      const { tags } = await client.namespace.tokens(softened, ['u'], undefined, client.by)
      notEqual(tags.get('u')?.length, 8)
      equal(client.namespace.owed, 0)
    },
  },
  {
    name: 'a clear reaches a part that was away',
    rule: 'Q',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const { here, elsewhere } = keysOf(client)
      const [key = ''] = here
      await client.load(key, 'v')
      await client.load(elsewhere, 'v')
      await stage.whilePartIsLost(client, key, async () => {
        equal(await client.namespace.clear(client.by), 'queued')
        equal(await isValid(client, elsewhere), false)
      })
      await stage.used(client, key)
      equal(await isValid(client, key), false)
    },
  },
  {
    name: 'only what a part that is away must hear is queued',
    rule: 'Q',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const { here, elsewhere } = keysOf(client)
      const [key = ''] = here
      await client.load(elsewhere, 'v')
      await stage.whilePartIsLost(client, key, async () => {
        equal(await client.namespace.invalidate([elsewhere], client.by), 'applied')
        equal(await client.namespace.expire([elsewhere], client.by), 'applied')
        equal(await client.namespace.invalidate([elsewhere, key], client.by), 'queued')
        equal(await client.read(elsewhere), undefined)
      })
    },
  },
  {
    name: 'names that a part cannot keep in quarantine are refused',
    rule: 'MUTATE',
    needs: ['losePart'],
    run: async (stage) => {
      const client = await stage.open()
      const { here, elsewhere } = keysOf(client)
      const [key = ''] = here
      const quarantine = (names: { keys: readonly string[]; tags: readonly string[] }) =>
        client.namespace.quarantine(names, client.clock.token(), 1_000, client.by)
      await stage.whilePartIsLost(client, key, async () => {
        await rejectsWith(quarantine({ keys: [key], tags: [] }), 'l2_part_away')
        await rejectsWith(quarantine({ keys: [elsewhere], tags: ['t'] }), 'l2_part_away')
        await quarantine({ keys: [elsewhere], tags: [] })
      })
    },
  },
]
