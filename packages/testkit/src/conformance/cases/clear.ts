import { deepEqual, equal, notEqual } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import { KEY } from '../client.ts'

// Pairs that a careless join of namespace and key, or a pattern, would mix up.
const NEIGHBOURS = [
  ['t', '1:s'],
  ['t:1', 's'],
  ['t:1:s', 'k'],
  ['{t}', 's'],
  ['t*', 's'],
  ['*', 's'],
  ['?[]', 's'],
  ['t}', '{s'],
  ['t\0', 's'],
  ['🦊', 's'],
  ['🦊s', 's'],
] as const

/** `clear` empties its own namespace, at once and for everyone. */
export const clearCases: readonly CaseDefinition[] = [
  {
    name: 'after a clear no entry of the namespace matches, and new ones do',
    rule: 'clear',
    run: async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()]
      const { tokens } = await one.load('k', 'old', ['t'])
      await other.namespace.clear(other.by)
      notEqual((await one.tokens()).namespace, tokens.namespace)
      const held = await one.read('k')
      if (held?.readable) equal(await one.isValid(held), false)
      await one.load('k', 'new', ['t'])
      equal(await other.isValid(await other.readStored('k')), true)
    },
  },
  {
    name: 'namespaces and keys with separators, braces and patterns are kept apart',
    rule: 'names',
    run: async (stage) => {
      const clients = await Promise.all(
        NEIGHBOURS.map(([name]) => stage.open({ namespace: `${stage.namespace}${name}` })),
      )
      for (const [i, client] of clients.entries()) {
        for (const [, key] of NEIGHBOURS) await client.put(key, `${i} ${key}`)
      }
      for (const [i, client] of clients.entries()) {
        for (const [, key] of NEIGHBOURS) equal(await client.readText(key), `${i} ${key}`)
      }
    },
  },
  {
    name: 'a clear leaves every other namespace alone, however alike its name',
    rule: 'clear',
    run: async (stage) => {
      const clients = await Promise.all(
        NEIGHBOURS.map(([name]) => stage.open({ namespace: `${stage.namespace}${name}` })),
      )
      const loads = await Promise.all(clients.map((client) => client.load('k', 'v', ['t'])))
      for (const [i, client] of clients.entries()) {
        await client.namespace.clear(client.by)
        for (const [j, neighbour] of clients.entries()) {
          if (j <= i) continue
          deepEqual(await neighbour.tokens('t'), loads[j]?.tokens)
          equal(await neighbour.isValid(await neighbour.readStored('k')), true)
        }
      }
    },
  },
  {
    name: 'every clear gives a token that never was before',
    rule: 'U',
    run: async (stage) => {
      const client = await stage.open()
      const seen = new Set<string | undefined>([(await client.win('k')).tokens.namespace])
      for (let round = 0; round < 10; round++) {
        await client.namespace.clear(client.by)
        seen.add((await client.namespace.tokens(KEY, [], 60_000, client.by)).namespace)
      }
      equal(seen.size, 11)
    },
  },
  {
    name: 'a clear works in full memory',
    rule: 'clear',
    needs: ['setFull'],
    run: async (stage) => {
      const client = await stage.open()
      const { tokens } = await client.load('k', 'v')
      await stage.whileFull(() => client.namespace.clear(client.by))
      notEqual((await client.tokens()).namespace, tokens.namespace)
    },
  },
]
