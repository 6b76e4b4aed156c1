/** The tests that depend on the server most, once more over Valkey, where VALKEY_BIN names one. */
import { describe, test } from 'vitest'

const FILES: Readonly<Record<string, () => Promise<unknown>>> = {
  client: () => import('./client.server.test.ts'),
  commands: () => import('./commands.server.test.ts'),
  failover: () => import('./faults/failover.server.test.ts'),
  frozen: () => import('./faults/frozen.server.test.ts'),
  full: () => import('./faults/full-server.server.test.ts'),
  killed: () => import('./faults/killed.server.test.ts'),
  'restart with old data': () => import('./faults/restart-with-old-data.server.test.ts'),
  'server errors': () => import('./faults/server-errors.server.test.ts'),
  store: () => import('./redis-store.server.test.ts'),
  tracking: () => import('./tracking.server.test.ts'),
}

const { VALKEY_BIN } = process.env
if (VALKEY_BIN) {
  // What they start is what this names.
  process.env.REDIS_BIN = VALKEY_BIN
  // In a suite each: their hooks are their own.
  for (const [name, load] of Object.entries(FILES))
    describe(`over Valkey: ${name}`, async () => void (await load()))
} else {
  process.stderr.write('SKIPPED: the tests over Valkey: set VALKEY_BIN to a valkey-server (7.2 or newer)\n')
}
test.runIf(VALKEY_BIN)('VALKEY_BIN names a server', () => undefined)
