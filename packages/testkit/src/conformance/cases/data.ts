import { deepEqual, equal, ok } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import { textOf } from '../client.ts'

const ODD_NAMES = [
  ' ',
  'a b',
  'a\tb',
  'a\r\nSET evil 1\r\n',
  'nul\0nul',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '{}',
  '{a}b',
  '*?[]',
  '%s%n',
  ':',
  '::',
  'v:{x:y}',
  '🦊',
  'é',
  'e\u0301',
  '0',
  '-1',
  'x'.repeat(8 * 1024),
]

// UTF-8 has no bytes for these: a store may refuse them, it must not mix them up.
const LONE_SURROGATES = ['\ud800', '\ud801', '\ufffd']

/** Names and bytes of every kind come back as they went. */
export const dataCases: readonly CaseDefinition[] = [
  {
    name: 'odd keys are ordinary keys, each its own',
    rule: 'names',
    run: async (stage) => {
      const client = await stage.open()
      for (const [i, key] of ODD_NAMES.entries()) await client.load(key, `value ${i}`)
      const entries = await client.readMany(ODD_NAMES)
      deepEqual(
        entries.map((entry) => entry && textOf(entry)),
        ODD_NAMES.map((_, i) => `value ${i}`),
      )
      await client.namespace.invalidate(ODD_NAMES, client.by)
      deepEqual(new Set(await client.readMany(ODD_NAMES)), new Set([undefined]))
    },
  },
  {
    name: 'odd tags are ordinary tags, each its own',
    rule: 'names',
    run: async (stage) => {
      const client = await stage.open()
      const load = await client.load('k', 'v', ODD_NAMES)
      equal(new Set(load.tokens.tags.values()).size, ODD_NAMES.length)
      for (const [i, tag] of ODD_NAMES.entries()) {
        await client.namespace.invalidateTags([tag], client.by)
        const { tags } = await client.tokens(...ODD_NAMES)
        const unchanged = ODD_NAMES.filter((name) => tags.get(name) === load.tokens.tags.get(name))
        deepEqual(unchanged, ODD_NAMES.slice(i + 1))
      }
    },
  },
  {
    name: 'keys that UTF-8 cannot tell apart never show a value of each other',
    rule: 'names',
    run: async (stage) => {
      const client = await stage.open()
      for (const key of LONE_SURROGATES) {
        // A refusal is an answer too.
        await client.put(key, `value of ${key.charCodeAt(0)}`).catch(() => undefined)
      }
      for (const key of LONE_SURROGATES) {
        const entry = await client.read(key).catch(() => undefined)
        if (entry?.readable) equal(textOf(entry), `value of ${key.charCodeAt(0)}`)
      }
    },
  },
  {
    name: 'payloads from 0 bytes to 1 MB come back byte for byte',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      for (const size of [0, 1, 13, 512, 65_535, 65_536, 1_048_576]) {
        const payload = Buffer.from(Array.from({ length: Math.min(size, 4096) }, (_, i) => (i * 7) & 0xff))
        const whole = Buffer.alloc(size, payload.length === 0 ? undefined : payload)
        const load = await client.win(`size ${size}`)
        equal((await client.fill(load, '', { payload: whole })).stored, true)
        const entry = await client.readStored(`size ${size}`)
        ok(whole.equals(entry.payload), `${size} bytes`)
      }
    },
  },
  {
    name: 'an entry keeps 100 tags and their tokens',
    rule: 'T',
    run: async (stage) => {
      const client = await stage.open()
      const tags = Array.from({ length: 100 }, (_, i) => `tag ${i} ${'ü'.repeat(i)}`)
      const load = await client.load('k', 'v', tags)
      const entry = await client.readStored('k')
      deepEqual(new Map(entry.tags.map((tag) => [tag.name, tag.token])), load.tokens.tags)
      equal(await client.isValid(entry), true)
    },
  },
  {
    name: 'five hundred reads at once each get their own value',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      const keys = Array.from({ length: 500 }, (_, i) => `key ${i}`)
      await Promise.all(keys.map((key) => client.put(key, key)))
      deepEqual(await Promise.all(keys.map((key) => client.readText(key))), keys)
    },
  },
  {
    name: 'a life of ten years is kept',
    rule: 'read',
    run: async (stage) => {
      const client = await stage.open()
      const tenYearsMs = 10 * 365 * 86_400_000
      await client.load('k', 'v', [], { ttlMs: tenYearsMs, keepMs: tenYearsMs })
      const entry = await client.readStored('k')
      ok(entry.freshMs > tenYearsMs - 60_000 && entry.keepMs > tenYearsMs - 60_000)
    },
  },
]
