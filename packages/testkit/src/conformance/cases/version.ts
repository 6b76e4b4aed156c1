import { equal } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import type { Client } from '../client.ts'

function putVersion(client: Client, text: string, version: bigint): Promise<string> {
  return client.put('k', text, { entry: { version } }).then((reply) => reply.outcome)
}

/** A versioned put: only over an entry with a lower version. */
export const versionCases: readonly CaseDefinition[] = [
  {
    name: 'a higher version is stored and comes back with the value',
    rule: 'version',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'five', [], { version: 5n })
      equal(await putVersion(client, 'six', 6n), 'stored')
      equal(await client.readText('k'), 'six')
      equal((await client.readStored('k')).version, 6n)
    },
  },
  {
    name: 'the same or a lower version changes nothing',
    rule: 'version',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'five', [], { version: 5n })
      equal(await putVersion(client, 'four', 4n), 'older')
      equal(await putVersion(client, 'another five', 5n), 'older')
      equal(await client.readText('k'), 'five')
    },
  },
  {
    name: 'an absent key takes no versioned put, or a delayed older writer would plant itself',
    rule: 'version',
    run: async (stage) => {
      const client = await stage.open()
      equal(await putVersion(client, 'nine', 9n), 'older')
      equal(await client.read('k'), undefined)
      await client.load('k', 'ten', [], { version: 10n })
      await client.namespace.invalidate(['k'], client.by)
      equal(await putVersion(client, 'nine', 9n), 'older')
      equal(await client.read('k'), undefined)
    },
  },
  {
    name: 'a versioned put of an absent key voids the lease: the load under it may be older',
    rule: 'version',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const load = await one.win('k')
      equal(await putVersion(other, 'nine', 9n), 'older')
      equal((await one.fill(load, 'eight')).stored, false)
      equal(await one.read('k'), undefined)
    },
  },
  {
    name: 'a versioned put that is stored voids the lease',
    rule: 'version',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      await one.load('k', 'five', [], { version: 5n })
      const load = await one.win('k', { seen: (await one.readStored('k')).seen })
      equal(await putVersion(other, 'six', 6n), 'stored')
      equal((await one.fill(load, 'five again')).stored, false)
      equal(await one.readText('k'), 'six')
    },
  },
  {
    name: 'versions are compared as 64-bit integers with a sign',
    rule: 'version',
    run: async (stage) => {
      const client = await stage.open()
      const rising = [-(2n ** 63n), -5n, -4n, 0n, 255n, 256n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n]
      await client.load('k', 'start', [], { version: rising[0] ?? 0n })
      for (const [i, version] of rising.entries()) {
        if (i > 0) equal(await putVersion(client, `${version}`, version), 'stored', `${version}`)
        for (const lower of rising.slice(0, i)) {
          equal(await putVersion(client, 'lower', lower), 'older', `${lower} after ${version}`)
        }
        equal((await client.readStored('k')).version, version)
      }
    },
  },
  {
    name: 'a put without a version is stored over any version',
    rule: 'version',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'five', [], { version: 5n })
      equal((await client.put('k', 'plain')).outcome, 'stored')
      equal(await client.readText('k'), 'plain')
      equal((await client.readStored('k')).version, undefined)
    },
  },
  {
    name: 'a versioned put over an entry without a version says what it did',
    rule: 'version',
    run: async (stage) => {
      const client = await stage.open()
      await client.load('k', 'plain')
      const isStored = (await putVersion(client, 'one', 1n)) === 'stored'
      equal((await client.readText('k')) === 'one', isStored)
    },
  },
]
