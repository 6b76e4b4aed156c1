import {
  AwaitedRead,
  type Clock,
  type FoundEntry,
  type NamespaceStore,
  type NewEntry,
  type StoreEnvironment,
  systemClock,
  type Timer,
} from 'holdfast/contracts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RecordingWatcher } from './conformance/recording-watcher.ts'
import { type MemoryServer, memoryServer } from './memory-store/memory-server.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'

const NAMESPACE = 'shop'

interface Process {
  readonly store: MemoryStore
  readonly watcher: RecordingWatcher
  readonly names: NamespaceStore
}

let server: MemoryServer
let opened: MemoryStore[]

beforeEach(() => {
  server = memoryServer()
  opened = []
})

afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()))
})

function environment(overrides: Partial<StoreEnvironment> = {}): StoreEnvironment {
  return {
    clock: systemClock,
    cacheName: NAMESPACE,
    tracking: 'values',
    heartbeatMs: 60_000,
    l2TimeoutMs: 250,
    maxValueBytes: 1_000_000,
    log: () => {},
    ...overrides,
  }
}

function open(overrides: Partial<StoreEnvironment> = {}): Process {
  const store = memoryStore(server).open(environment(overrides))
  opened.push(store)
  const watcher = new RecordingWatcher()
  return { store, watcher, names: store.namespace(NAMESPACE, watcher) }
}

function soon(): number {
  return systemClock.now() + 5_000
}

async function found(names: NamespaceStore, key: string): Promise<FoundEntry> {
  const read = new AwaitedRead(key, { namespace: false })
  names.read(read, soon())
  return (await read.reply).found
}

async function textOf({ names }: Process, key: string): Promise<string | undefined> {
  const entry = await found(names, key)
  return entry?.readable ? Buffer.from(entry.payload).toString() : undefined
}

function described(text: string): Omit<NewEntry, 'namespaceToken' | 'tags'> {
  const payload = Buffer.from(text)
  return { id: systemClock.token(), payload, codec: 0, flags: 0, ttlMs: 60_000, keepMs: 60_000, loadMs: 1 }
}

async function put({ names }: Process, key: string, text: string): Promise<void> {
  await names.put({ key, entry: described(text), tags: [], tagLifeMs: 60_000 }, soon())
}

describe('the wire', () => {
  test('a push behind a reply of the same turn is handled before the code that awaits the reply', async () => {
    const [reader, writer] = [open(), open()]
    await put(writer, 'k', 'old')
    reader.store.connection.hold()
    const order: string[] = []
    const reading = textOf(reader, 'k').then((text) => order.push(`${text}, told: ${reader.watcher.events}`))
    await writer.names.invalidate(['k'], soon())
    expect(reader.store.connection.waiting).toBe(2)
    reader.store.connection.release()
    expect(order).toEqual([])
    expect(reader.watcher.events).toContain('key k')
    await reading
    expect(order).toEqual(['old, told: connected,key k'])
  })

  test('a push before a reply is handled before it, also when both were held', async () => {
    const [reader, writer] = [open(), open()]
    await put(writer, 'k', 'old')
    await textOf(reader, 'k')
    reader.store.connection.hold()
    await put(writer, 'k', 'new')
    const reading = textOf(reader, 'k').then((text) => `${text}, told: ${reader.watcher.events}`)
    await writer.store.barrier(soon())
    reader.store.connection.release(1)
    expect(reader.watcher.events).toContain('key k')
    expect(reader.store.connection.waiting).toBe(1)
    reader.store.connection.release()
    expect(await reading).toBe('new, told: connected,key k')
  })

  test('held messages come one by one, and the rest when the hold ends', async () => {
    const reader = open()
    const settled: string[] = []
    reader.store.connection.hold()
    for (const key of ['a', 'b', 'c']) void textOf(reader, key).then(() => settled.push(key))
    await new Promise(setImmediate)
    expect(settled).toEqual([])
    reader.store.connection.release(2)
    await new Promise(setImmediate)
    expect(settled).toEqual(['a', 'b'])
    reader.store.connection.release()
    await new Promise(setImmediate)
    expect(settled).toEqual(['a', 'b', 'c'])
  })

  test('latency delays replies and keeps their order, also when it is lowered on the way', async () => {
    const reader = open()
    const settled: string[] = []
    const startMs = systemClock.now()
    reader.store.connection.latencyMs = 30
    const slow = textOf(reader, 'slow').then(() => settled.push('slow'))
    await new Promise(setImmediate)
    reader.store.connection.latencyMs = 0
    const fast = textOf(reader, 'fast').then(() => settled.push('fast'))
    await Promise.all([slow, fast])
    expect(settled).toEqual(['slow', 'fast'])
    expect(systemClock.now() - startMs).toBeGreaterThanOrEqual(29)
  })

  test('deliveries go through the schedule that was given', async () => {
    const turns: (() => void)[] = []
    server = memoryServer({ schedule: (turn) => void turns.push(turn) })
    const reader = open()
    const reading = textOf(reader, 'k')
    await Promise.resolve()
    expect(turns.length).toBe(1)
    turns[0]?.()
    expect(await reading).toBeUndefined()
  })

  test('a request is written after the turn that asked for it, and not at all when its time is over', async () => {
    const reader = open()
    const request = new AwaitedRead('k')
    reader.names.read(request, soon())
    expect(request.written).toBe(false)
    await Promise.resolve()
    expect(request.written).toBe(true)
    await request.reply
    const late = new AwaitedRead('k')
    reader.names.read(late, systemClock.now())
    await expect(late.reply).rejects.toMatchObject({ code: 'l2_timeout' })
    expect(late.written).toBe(false)
  })
})

describe('the connection', () => {
  test('what is in flight when it is cut is unavailable, though the server may have done it', async () => {
    const [client, other] = [open(), open()]
    client.store.connection.hold()
    const writing = put(client, 'k', 'v')
    await other.store.barrier(soon())
    client.store.connection.disconnect()
    await expect(writing).rejects.toMatchObject({ code: 'l2_unavailable', retryable: true })
    expect(await textOf(other, 'k')).toBe('v')
    expect(client.watcher.events).toEqual(['connected', 'lost'])
  })

  test('it stays cut until it is told to reconnect, whatever the server does', async () => {
    const client = open()
    client.store.connection.disconnect()
    server.restartEmpty()
    expect(client.store.online).toBe(false)
    await expect(textOf(client, 'k')).rejects.toMatchObject({ code: 'l2_unavailable' })
    client.store.connection.reconnect()
    expect(client.store.connection.generation).toBe(2)
    expect(client.watcher.events).toEqual(['connected', 'lost', 'connected'])
    expect(await textOf(client, 'k')).toBeUndefined()
  })

  test('a cut connection is told nothing of what it had read', async () => {
    const [client, other] = [open(), open()]
    await put(other, 'k', 'v')
    await textOf(client, 'k')
    client.store.connection.disconnect()
    client.store.connection.reconnect()
    await put(other, 'k', 'new')
    await client.store.barrier(soon())
    expect(client.watcher.events).not.toContain('key k')
  })

  test('a client opened while the server is down is told when it is up', () => {
    server.stop()
    const client = open()
    expect(client.store.online).toBe(false)
    expect(client.watcher.events).toEqual([])
    server.start()
    expect(client.watcher.events).toEqual(['connected'])
  })

  test('where only tokens are tracked, changes of values are not pushed', async () => {
    const [client, other] = [open({ tracking: 'tokens' }), open()]
    await put(other, 'k', 'v')
    await textOf(client, 'k')
    await client.names.tokens('k', ['t'], 1000, soon())
    await put(other, 'k', 'new')
    await other.names.invalidateTags(['t'], soon())
    await client.store.barrier(soon())
    expect(client.watcher.events).toEqual(['connected', 'tag t'])
  })

  test('a caller never times out before his deadline, so that a put which he gave up is refused', async () => {
    const earlyBy = 2
    const early: Clock = {
      now: () => systemClock.now(),
      wallNow: () => systemClock.wallNow(),
      after: (ms: number, fire: () => void): Timer => systemClock.after(Math.max(0, ms - earlyBy), fire),
      random: () => systemClock.random(),
      token: () => systemClock.token(),
    }
    const client = open({ clock: early })
    const by = early.now() + 20
    server.pause()
    const late = client.names.put({ key: 'k', entry: described('late'), tags: [], tagLifeMs: 1 }, by)
    await expect(late).rejects.toMatchObject({ code: 'l2_timeout' })
    expect(early.now()).toBeGreaterThanOrEqual(by)
    server.resume()
    expect(await textOf(client, 'k')).toBeUndefined()
  })

  test('closing leaves the server and settles what is in flight', async () => {
    const client = open()
    const reading = textOf(client, 'k')
    const outcome = expect(reading).rejects.toMatchObject({ code: 'closed' })
    await client.store.close()
    await outcome
    expect(server.connections).toEqual([])
  })
})

describe('the server', () => {
  test('it counts commands by name, and what leaves in one turn as one trip', async () => {
    const client = open()
    await Promise.all([textOf(client, 'a'), textOf(client, 'b'), client.names.invalidate(['a', 'b'], soon())])
    await client.names.tokens('k', [], undefined, soon())
    const { commands, roundTrips } = server.stats
    expect([commands.read, commands.invalidate, commands.tokens, roundTrips]).toEqual([2, 1, 1, 2])
    server.resetStats()
    expect(server.stats.roundTrips).toBe(0)
  })

  test('a heartbeat is counted by its name and is no trip', async () => {
    const client = open({ heartbeatMs: 1 })
    while (client.watcher.verifiedMs < 0) await new Promise(setImmediate)
    expect(server.stats.commands.heartbeat).toBeGreaterThan(0)
    expect(server.stats.roundTrips).toBe(0)
  })

  test('a command that was told to fail fails as often as said, and does nothing', async () => {
    const client = open()
    server.failNext('put', 2)
    for (let i = 0; i < 2; i++)
      await expect(put(client, 'k', 'v')).rejects.toMatchObject({ code: 'l2_error' })
    expect(await textOf(client, 'k')).toBeUndefined()
    await put(client, 'k', 'v')
    expect(await textOf(client, 'k')).toBe('v')
  })

  test('a paused server executes later what arrived, in order', async () => {
    const [one, other] = [open(), open()]
    server.pause()
    const all = [put(one, 'k', 'first'), put(other, 'k', 'second'), textOf(other, 'k')] as const
    await new Promise(setImmediate)
    expect(server.stats.commands.put).toBe(0)
    server.resume()
    expect((await Promise.all(all))[2]).toBe('second')
  })

  test('eviction says whether the name was there, and removes only that', async () => {
    const client = open()
    await put(client, 'a', 'a')
    await put(client, 'b', 'b')
    expect(server.evict({ kind: 'value', namespace: NAMESPACE, name: 'a' })).toBe(true)
    expect(server.evict({ kind: 'value', namespace: NAMESPACE, name: 'a' })).toBe(false)
    expect([await textOf(client, 'a'), await textOf(client, 'b')]).toEqual([undefined, 'b'])
  })

  test('it restarts empty', async () => {
    const client = open()
    await put(client, 'k', 'v')
    server.restartEmpty()
    expect(client.watcher.events.slice(1)).toEqual(['lost', 'connected'])
    expect(await textOf(client, 'k')).toBeUndefined()
  })

  test('it restarts with the data of an earlier moment, under another namespace token', async () => {
    const client = open()
    await put(client, 'k', 'old')
    const before = await client.names.tokens('k', [], undefined, soon())
    const snapshot = server.snapshot()
    await client.names.invalidate(['k'], soon())
    server.restartWithData(snapshot)
    expect(await textOf(client, 'k')).toBe('old')
    const after = await client.names.tokens('k', [], undefined, soon())
    expect(after.namespace).toHaveLength(8)
    expect(after.namespace).not.toBe(before.namespace)
  })

  test('a reader cannot change what the server holds', async () => {
    const client = open()
    await put(client, 'k', 'value')
    const entry = await found(client.names, 'k')
    if (entry?.readable) entry.payload.fill(0)
    expect(await textOf(client, 'k')).toBe('value')
  })

  test('a replaced tag keeps its life, and one that nears its end is extended when it is minted again', async () => {
    const client = open()
    const short = await client.names.tokens('k', ['t'], 30, soon())
    const long = await client.names.tokens('k', ['t'], 60_000, soon())
    expect(long.tags.get('t')).toBe(short.tags.get('t'))
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect((await client.names.tokens('k', ['t'], undefined, soon())).tags.get('t')).toBe(short.tags.get('t'))
  })
})
