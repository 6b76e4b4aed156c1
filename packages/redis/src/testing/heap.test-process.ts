import { createCache } from 'holdfast'
import { redis } from '../redis.ts'
import { inUseAgain, SILENT } from './open-cache.ts'
import { tell } from './tell.ts'

/**
 * Puts many more keys into L1 than it may hold: `heap.test-process.ts <keys> <bytes of L1> <shape> [url]`. Started with
 * --expose-gc, so that what is told is what is held.
 */
const [, , keys = '', bound = '', shape = '', url = ''] = process.argv
const KEYS = Number(keys)

type Make = (i: number) => unknown
const long = (i: number): string => `${i} `.padEnd(200 + ((i * 7919) % 8000), 'x')
const row = (i: number): object => ({
  id: i,
  name: `customer ${i}`,
  at: `2026-01-${i % 28}`,
  tags: ['a', `b${i % 100}`],
  address: { street: `street ${i}`, no: i % 200, geo: [i / 7, i / 11] },
})
const SHAPES: Readonly<Record<string, Make>> = {
  texts: long,
  rows: (i) => Array.from({ length: 1 + (i % 20) }, (_, at) => row(i + at)),
  bytes: (i) => new Uint8Array(200 + ((i * 7919) % 8000)).fill(i),
  'one number': (i) => i,
}
const make = SHAPES[shape] ?? long

/** What is on the heap and beside it, once everything that can go has gone. */
function heldBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const l2 = url === '' ? {} : { l2: redis(url) }
const l1 = { maxBytes: Number(bound), maxEntries: 5_000_000 }
const cache = createCache({ name: `heap ${shape}`, logger: SILENT, ttl: '1h', l2Timeout: '10s', l1, ...l2 })
if (url !== '') await inUseAgain(cache)
const baseBytes = heldBytes()
let boundBytes = 0
let heapBytes = 0
let rssBytes = 0
const BATCH = 100
for (let i = 0; i < KEYS; i += BATCH) {
  const batch = Array.from({ length: Math.min(BATCH, KEYS - i) }, (_, at) => i + at)
  if (url === '') await Promise.all(batch.map((n) => cache.getOrSet(`key ${n}`, () => make(n))))
  else await cache.setMany(batch.map((n) => [`key ${n}`, make(n)]))
  boundBytes = Math.max(boundBytes, cache.stats().l1.bytes)
  if (i % (50 * BATCH) === 0) {
    heapBytes = Math.max(heapBytes, process.memoryUsage().heapUsed)
    rssBytes = Math.max(rssBytes, process.memoryUsage.rss())
    // Sweeps, timers and sockets have their turns too.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
const { l1: held } = cache.stats()
tell({ boundBytes, heldBytes: heldBytes() - baseBytes, heapBytes, rssBytes, held })
await cache.close()
