/** F49: many more keys than L1 may hold, in a process with little heap. */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LONG, LONG_TEST_MS } from '../testing/long.ts'
import { ToldProcess } from '../testing/told-process.ts'

interface Told {
  /** The most that L1 said to hold. */
  readonly boundBytes: number
  /** What the heap shows more than before, in the end. */
  readonly heldBytes: number
  /** The most that was on the heap, garbage included. */
  readonly heapBytes: number
  readonly rssBytes: number
  readonly held: { readonly entries: number; readonly bytes: number; readonly evictions: number }
}

const MIB = 1024 * 1024
const L1_BYTES = 64 * MIB
const HEAP_MIB = 256
const FLAGS = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`]
const program = new URL('../testing/heap.test-process.ts', import.meta.url)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

async function fill(keys: number, shape: string, url = ''): Promise<Told> {
  const args = [`${keys}`, `${L1_BYTES}`, shape, url]
  await using process = new ToldProcess(program, args, { flags: FLAGS })
  const told = await process.told<Told>()
  expect(await process.ended).toEqual({ code: 0, signal: null })
  return told
}

function expectBounded({ boundBytes, heldBytes, heapBytes, rssBytes, held }: Told, what: string): void {
  const real = `${(heldBytes / MIB).toFixed(1)} MiB for ${held.entries} entries that L1 counts as`
  const peaks = `heap at most ${(heapBytes / MIB).toFixed(0)} MiB, RSS ${(rssBytes / MIB).toFixed(0)} MiB`
  console.log(`F49: ${what}: ${real} ${(held.bytes / MIB).toFixed(1)} MiB; ${peaks}`)
  expect(boundBytes).toBeLessThanOrEqual(L1_BYTES)
  // It was full, and what it held is what it said, to a tenth.
  expect(held.evictions).toBeGreaterThan(held.entries / 10)
  expect(held.bytes).toBeGreaterThan(0.98 * L1_BYTES)
  expect(heldBytes / L1_BYTES).toBeGreaterThan(0.9)
  expect(heldBytes / L1_BYTES).toBeLessThan(1.1)
  expect(heapBytes).toBeLessThan(HEAP_MIB * MIB)
}

describe(`F49: L1 of 64 MiB in a heap of ${HEAP_MIB} MiB`, { timeout: LONG_TEST_MS }, () => {
  // Of 4 KB on average, of 20 objects at most, and as small as values are.
  const shapes: Readonly<Record<string, number>> = { texts: 22_000, rows: 22_000, 'one number': 150_000 }

  test.each(Object.entries(shapes))(
    '%s: the bound of bytes is held, and it is the heap’s',
    async (shape, keys) => {
      expectBounded(await fill(LONG ? 10_000_000 : keys, shape), shape)
    },
  )

  test('over Redis: the same', async () => {
    expectBounded(await fill(LONG ? 1_000_000 : 22_000, 'texts', server.url), 'texts over Redis')
  })
})
