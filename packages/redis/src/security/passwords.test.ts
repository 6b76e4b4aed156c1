/** S11: a URL that was meant for another place is not repeated with its password, whatever option it was given to. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { redisBus } from '../bus/redis-bus.ts'
import { redis } from '../redis.ts'

const URLS = [
  'redis://shop:hunter2@cache.example:6379/0',
  'redis://shop:p@ss/hunter2@cache.example',
  'rediss://shop:hunter2',
  `redis://${'shop'.repeat(20)}:hunter2@cache.example/x`,
  'shop:hunter2@cache.example',
]
const VALID = 'redis://shop:hunter2@127.0.0.1'

function textOf(thing: unknown): string {
  const shown = inspect(thing, { depth: null, showHidden: true, maxStringLength: null })
  return `${shown}\n${String(thing)}\n${thing instanceof Error ? thing.stack : JSON.stringify(thing)}`
}

/** What is made of it, or the error of what is not. */
function seenOf(make: () => unknown): unknown {
  try {
    return make()
  } catch (error) {
    return error
  }
}

describe.each([
  ['redis', redis],
  ['redisBus', redisBus],
])('%s repeats no password (S11)', (_, make) => {
  test.each(URLS)('%j, whatever it is given to', (url) => {
    // A word that is no URL is shown where a word is expected: it is misspelt.
    const words = url.includes('//') ? [{ [url]: 1 }, { failover: url }] : []
    const options: readonly unknown[] = [url, [url], { tls: url }, { tls: [url] }, ...words]
    for (const given of options) {
      // @ts-expect-error what plain JavaScript may do
      expect(textOf(seenOf(() => make(VALID, given)))).not.toMatch(/hunter2/)
    }
    for (const given of [url, [url], { url }]) {
      // @ts-expect-error what plain JavaScript may do
      expect(textOf(seenOf(() => make(given)))).not.toMatch(/hunter2/)
    }
  })
})
