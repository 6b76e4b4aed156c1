import { keepInFlight } from '../keep-in-flight.ts'
import { keyAt, keysOf } from '../product.ts'
import { openRawClient } from '../raw-client.ts'
import type { Row, Target } from '../row.ts'
import { timesBest, timesPeer } from '../targets.ts'

const VALUE_BYTES = 1024
const PEERS = ['ioredis, auto-pipelining', 'node-redis'] as const

/** GET of 1 KB on each client's own connection, with 1, 64 and 512 calls in flight. */
export const rawGetRows: readonly Row[] = [
  rawGet(1, [timesPeer('cpuMicros', 'holdfast', 'ioredis', 1, 'processor time per call ≤ that of ioredis')]),
  rawGet(64, [timesBest('opsPerSecond', 'holdfast', PEERS, 2)]),
  rawGet(512, [timesBest('opsPerSecond', 'holdfast', PEERS, 4)]),
]

function rawGet(inFlight: number, targets: readonly Target[]): Row {
  return {
    name: `get-${inFlight}`,
    title: `Redis GET of 1 KB, ${inFlight} in flight`,
    contenders: ['holdfast', 'ioredis', ...PEERS, 'valkey-glide'],
    metrics: [
      { name: 'opsPerSecond', title: 'calls/s', better: 'more', digits: 0 },
      { name: 'cpuMicros', title: 'CPU µs/call', better: 'less', digits: 1 },
    ],
    targets,
    async prepare(server, effort) {
      await server.cli('MSET', ...keysOf(effort.keys).flatMap((key) => [key, textOf(key)]))
    },
    async measure(contender, { url, effort }) {
      const get = await openRawClient(contender, url)
      const keys = keysOf(effort.keys)
      const stored = keys.map(textOf)
      return await keepInFlight(
        inFlight,
        effort,
        (caller, turn) => get(keyAt(keys, caller, turn)),
        (text, caller, turn) => {
          if (text !== keyAt(stored, caller, turn))
            throw new Error(`${keyAt(keys, caller, turn)}: a wrong answer`)
        },
      )
    },
  }
}

function textOf(key: string): string {
  return key.padEnd(VALUE_BYTES, '.')
}
