/** The golden bytes, held against a real server: that of MEMCACHED_BIN, or the one of this machine. */
import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { type Exchange, goldenExchanges } from './testing/golden-exchanges.ts'
import { openedClient } from './testing/open-client.ts'
import { rawAnswer } from './testing/raw-socket.ts'

const server: MemcachedServer = await startMemcached()
afterAll(() => server.stop())

// By its answers, and not by its version.
const isKnown: Readonly<Record<Exchange['needs'], boolean>> = {
  'meta protocol': true,
  'explicit cas': !(await rawAnswer(server.port, 'mg probe E1\r\n')).startsWith('CLIENT_ERROR'),
  'conditional get':
    (await rawAnswer(server.port, 'ms probe 0 E1\r\n\r\nmg probe C1 v\r\n')) === 'HD\r\nHD\r\n',
}
const { version } = await server.stats()
for (const [what, since] of [
  ['explicit cas', '1.6.27'],
  ['conditional get', '1.6.40'],
] as const) {
  if (isKnown[what]) continue
  const how = `set MEMCACHED_BIN to a memcached ${since} or newer (this is ${version})`
  process.stderr.write(
    `SKIPPED: ${what} of Memcached against a real server, its golden bytes alone are read: ${how}\n`,
  )
}

describe('a real server sends these very bytes', () => {
  for (const { title, needs, sent, got } of goldenExchanges) {
    test.runIf(isKnown[needs])(`${title} (${needs})`, async () => {
      // The end of a batch is there by itself, where there is one.
      const answer = `${await rawAnswer(server.port, sent.replace(/mn\r\n$/, ''))}${sent.endsWith('mn\r\n') ? 'MN\r\n' : ''}`
      // A cas that the server counts is another one each time.
      expect(needs === 'meta protocol' ? answer.replaceAll(/ c\d+/g, ' c#') : answer).toBe(got)
    })
  }
})

test('the handshake finds out what the server knows', async () => {
  const { facts } = await openedClient(server.url)
  expect(facts).toMatchObject({
    hasExplicitCas: isKnown['explicit cas'],
    hasConditionalGet: isKnown['conditional get'],
  })
})
