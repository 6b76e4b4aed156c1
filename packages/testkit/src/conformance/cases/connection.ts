import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { AwaitedRead } from 'holdfast/contracts'
import type { CaseDefinition } from '../case-definition.ts'
import { type Client, KEY, TAG_LIFE_MS } from '../client.ts'
import { rejectsWith, UNANSWERED } from '../rejects.ts'

// How much later than its deadline a call may settle on a busy machine.
const SLACK_MS = 500

/** One call of every operation, with leases that are held: an unknown one needs no server to be refused. */
async function everyOperation(client: Client): Promise<(by: number) => Promise<unknown>[]> {
  const { namespace } = client
  const [renewed, filled, released] = [await client.win('a'), await client.win('b'), await client.win('c')]
  const token = client.clock.token()
  const names = { keys: ['k'], tags: ['t'] }
  const acquire = { key: 'k', token, leaseMs: 5_000, seen: undefined, tags: [], tagLifeMs: TAG_LIFE_MS }
  return (by) => {
    const calls = [
      client.ask(new AwaitedRead('k'), by),
      namespace.tokens(KEY, ['t'], undefined, by),
      namespace.acquire(acquire, by),
      namespace.renew(renewed.key, renewed.token, 5_000, by),
      namespace.fill({ key: filled.key, token: filled.token, entry: client.entry() }, by),
      namespace.release(released.key, released.token, by),
      namespace.invalidate(['k'], by),
      namespace.invalidateTags(['t'], by),
      namespace.expire(['k'], by),
      namespace.expireTags(['t'], by),
      namespace.clear(by),
      namespace.put(client.putRequest('k', 'v'), by),
      namespace.quarantine(names, token, 1_000, by),
      namespace.unquarantine(names, token, by),
      client.store.barrier(by),
      client.store.inspect(by),
    ]
    // They are looked at one after the other: none is unhandled meanwhile.
    for (const call of calls) call.catch(() => {})
    return calls
  }
}

/** Rejects, unless it is an invalidation that a store of several parts owes itself. */
async function isUnanswered(call: Promise<unknown>): Promise<void> {
  const [outcome] = await Promise.allSettled([call])
  if (outcome.status === 'fulfilled') equal(outcome.value, 'queued')
  else await rejectsWith(call, ...UNANSWERED)
}

const openCases: readonly CaseDefinition[] = [
  {
    name: 'an open store says what it is, without credentials',
    rule: 'store',
    run: async (stage) => {
      const { store, by } = await stage.open()
      equal(store.online, true)
      ok(store.address.length > 0 && !/:\/\/[^/]*:[^/]*@/.test(store.address), store.address)
      ok(store.capabilities.leaseMinMs > 0 && store.capabilities.leaseMinMs <= 5_000)
      const facts = await store.inspect(by)
      ok(facts.server.length > 0 && facts.version.length > 0)
    },
  },
  {
    name: 'a store pushes as its harness says',
    rule: 'store',
    needs: ['push'],
    run: async (stage) => {
      equal((await stage.open()).store.capabilities.push, true)
    },
  },
  {
    name: 'a namespace opened on a live connection is told of it, and is ready',
    rule: 'store',
    run: async (stage) => {
      const { store } = await stage.open()
      const second = await stage.openOn(store, `${stage.namespace}-second`)
      await second.put('k', 'v')
      equal(await second.readText('k'), 'v')
    },
  },
  {
    name: 'heartbeats are answered without being asked for',
    rule: 'heartbeat',
    run: async (stage) => {
      const client = await stage.open()
      for (let beat = 0; beat < 3; beat++) {
        const startMs = client.clock.now()
        await stage.until(() => client.watcher.verifiedMs >= startMs, `heartbeat ${beat}`)
        ok(client.watcher.verifiedMs <= client.clock.now(), 'nothing of the future is verified')
      }
    },
  },
]

const closeCases: readonly CaseDefinition[] = [
  {
    name: 'after close every operation rejects, and a second close resolves',
    rule: 'close',
    run: async (stage) => {
      const client = await stage.open()
      const calls = await everyOperation(client)
      await client.store.close()
      await client.store.close()
      equal(client.store.online, false)
      for (const call of calls(client.by)) await rejectsWith(call, 'closed', 'l2_unavailable')
    },
  },
  {
    name: 'what is in flight at close settles',
    rule: 'close',
    run: async (stage) => {
      const client = await stage.open()
      const calls = Promise.allSettled([client.read('k'), client.store.barrier(client.by)])
      await client.store.close()
      equal((await calls).length, 2)
    },
  },
  {
    name: 'a closed namespace is silent, and others on its store go on',
    rule: 'close',
    run: async (stage) => {
      const client = await stage.open()
      const other = await stage.openOn(client.store, `${stage.namespace}-other`)
      await client.put('k', 'v')
      await client.read('k')
      client.namespace.close()
      client.watcher.forget()
      const writer = await stage.open()
      await writer.put('k', 'new')
      await other.put('k', 'v')
      await other.store.barrier(other.by)
      equal(await other.readText('k'), 'v')
      deepEqual(client.watcher.events, [])
      await rejectsWith(client.read('k'), 'closed', 'l2_unavailable')
    },
  },
]

const deadlineCases: readonly CaseDefinition[] = [
  {
    name: 'every operation says that its time is over before it starts',
    rule: 'deadline',
    run: async (stage) => {
      const client = await stage.open()
      const calls = await everyOperation(client)
      for (const call of calls(client.clock.now() - 1)) await isUnanswered(call)
    },
  },
  {
    name: 'every operation says in time that the server does not answer',
    rule: 'deadline',
    needs: ['stall'],
    run: async (stage) => {
      const client = await stage.open()
      const calls = await everyOperation(client)
      await stage.whileStalled(async () => {
        const by = client.clock.now() + 30
        for (const call of calls(by)) await isUnanswered(call)
        ok(client.clock.now() < by + SLACK_MS, 'in time')
      })
    },
  },
  {
    name: 'a late reply reaches nobody else',
    rule: 'deadline',
    needs: ['stall'],
    run: async (stage) => {
      const client = await stage.open()
      for (const key of ['early', 'late']) await client.put(key, key)
      await stage.whileStalled(async () => {
        const read = new AwaitedRead('early', { namespace: false })
        await rejectsWith(client.ask(read, client.clock.now() + 20), ...UNANSWERED)
      })
      await stage.until(() => client.store.online, 'the store to be online')
      equal(await client.readText('late'), 'late')
    },
  },
  {
    name: 'nothing is verified while the server does not answer',
    rule: 'heartbeat',
    needs: ['stall'],
    run: async (stage) => {
      const client = await stage.open()
      await stage.whileStalled(async () => {
        const stalledMs = client.clock.now()
        await stage.pass(60)
        ok(client.watcher.verifiedMs <= stalledMs, 'verified only what was before')
      })
    },
  },
]

const lossCases: readonly CaseDefinition[] = [
  {
    name: 'a lost connection is told, then the next one, with a higher generation',
    rule: 'C',
    needs: ['cut'],
    run: async (stage) => {
      const [client, peer] = [await stage.open(), await stage.open()]
      await client.put('k', 'v')
      await stage.cut()
      for (const { watcher } of [client, peer]) {
        await stage.until(() => watcher.events.at(-1) === 'connected', 'to be connected again')
        deepEqual(
          watcher.events.filter((event) => event === 'lost' || event === 'connected'),
          ['lost', 'connected'],
        )
        const [first, second] = watcher.generations
        ok(first !== undefined && second !== undefined && second > first, `${first} then ${second}`)
      }
      await stage.used(client, 'k')
      equal(await client.readText('k'), 'v')
    },
  },
  {
    name: 'a lease does not outlive its connection',
    rule: 'C',
    needs: ['cut'],
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.win('k')
      await stage.cut()
      await stage.told(client, 'connected')
      await stage.used(client, 'k')
      equal((await client.fill(load, 'v')).stored, false)
      equal(await client.read('k'), undefined)
    },
  },
  {
    name: 'after a reconnect pushes come again for what is read again',
    rule: 'push',
    needs: ['push', 'cut'],
    run: async (stage) => {
      const [reader, writer] = [await stage.open(), await stage.open()]
      await writer.put('k', 'v')
      await reader.read('k')
      await stage.cut()
      for (const client of [reader, writer]) await stage.told(client, 'connected')
      await reader.read('k')
      reader.watcher.forget()
      await writer.put('k', 'new')
      await stage.told(reader, 'key k')
    },
  },
  {
    name: 'a server that came back with its data has another namespace token: nothing old matches',
    rule: 'R',
    needs: ['restart'],
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const { tokens } = await one.load('k', 'v', ['t'])
      await stage.restart()
      for (const client of [one, other]) {
        await stage.told(client, 'connected')
        await stage.used(client, 'k')
      }
      const after = await one.tokens('t')
      notEqual(after.namespace, tokens.namespace)
      const entry = await one.read('k')
      if (entry?.readable) equal(await one.isValid(entry), false)
      await one.load('k', 'new')
      equal(await other.isValid(await other.readStored('k')), true)
    },
  },
]

/** What a store is from open to close, and what becomes of it when its server does not answer. */
export const connectionCases: readonly CaseDefinition[] = [
  ...openCases,
  ...closeCases,
  ...deadlineCases,
  ...lossCases,
]
