import { describe, expect, test } from 'vitest'
import { Credentials } from './credentials.ts'
import type { TlsSettings } from './endpoint.ts'
import { transportWarning, type WayToServer } from './transport-warning.ts'

const WITH_PASSWORD = new Credentials('app', 'hunter2')
const NOT_SAID = { isMeant: false, mend: 'say that it is meant' }

const open = (host: string, credentials?: Credentials): WayToServer => ({
  endpoint: { transport: 'tcp', host, port: 1 },
  credentials,
  display: `open://${host}`,
})
const secure = (tls?: TlsSettings): WayToServer => ({
  endpoint: { transport: 'tls', host: 'cache.example', port: 1, ...(tls === undefined ? {} : { tls }) },
  credentials: WITH_PASSWORD,
  display: 'secure://cache.example',
})
const socket: WayToServer = {
  endpoint: { transport: 'unix', path: '/run/cache.sock' },
  credentials: WITH_PASSWORD,
  display: 'unix:///run/cache.sock',
}

describe('plaintext to another machine (S11)', () => {
  test.each(['cache.example', '10.0.0.7', 'fd00::1', 'redis'])('to %s it is warned of', (host) => {
    const line = `open://${host}: values travel unencrypted to another machine; say that it is meant`
    expect(transportWarning([open(host)], NOT_SAID)).toBe(line)
    expect(transportWarning([open(host)], { ...NOT_SAID, isMeant: true })).toBe(undefined)
  })

  test('with a password it is said louder, and without it', () => {
    const told = transportWarning([open('10.0.0.7'), open('10.0.0.8', WITH_PASSWORD)], NOT_SAID)
    expect(told).toMatch(/^open:\/\/10\.0\.0\.8: THE PASSWORD and all values travel/)
    expect(told).not.toMatch(/hunter2|app/)
  })

  test('of several servers one is enough', () => {
    expect(transportWarning([socket, open('localhost'), secure(), open('10.0.0.7')], NOT_SAID)).toMatch(
      /^open:\/\/10\.0\.0\.7: /,
    )
  })

  test.each([open('127.0.0.1'), open('localhost'), open('::1', WITH_PASSWORD), secure(), socket])(
    '$display is not',
    (way) => {
      expect(transportWarning([way], NOT_SAID)).toBe(undefined)
    },
  )
})

test('a certificate that is not verified is warned of, whatever is meant of plaintext', () => {
  const ways = [open('10.0.0.7'), secure({ rejectUnauthorized: false })]
  for (const isMeant of [true, false]) {
    expect(transportWarning(ways, { ...NOT_SAID, isMeant })).toMatch(
      /^secure:\/\/cache\.example: its certificate is not verified/,
    )
  }
})
