import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { noTypes } from './named-types.ts'
import { seal } from './seal.ts'
import { stringBytes } from './weight.ts'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

function usedBytes(): number {
  for (let i = 0; i < 3; i++) if (typeof collect === 'function') collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

// So much that what else the process does meanwhile is lost in it.
const ESTIMATED_BYTES = 20 * 2 ** 20

const shapes: [string, (i: number) => unknown][] = [
  ['rows', (i) => JSON.parse(`{"id":${i},"name":"name of row ${i}","price":${i}.5,"ok":true,"note":null}`)],
  [
    'lists of rows',
    (i) => JSON.parse(`{"items":[{"a":${i},"b":"text number ${i}"},{"a":1,"b":"more text ${i}"}]}`),
  ],
  ['arrays of doubles', (i) => JSON.parse(`[${Array.from({ length: 50 }, (_, at) => at + i + 0.5)}]`)],
  ['wide text', (i) => `\u4e00${'\u4e01'.repeat(100)}${i}`.split('').join('')],
  ['narrow text', (i) => `é${'x'.repeat(200)}${i}`.split('').join('')],
  ['dates', (i) => ({ a: new Date(i), b: new Date(i + 1) })],
  ['maps', (i) => new Map(Array.from({ length: 20 }, (_, at) => [at, i]))],
  ['sets', (i) => new Set(Array.from({ length: 20 }, (_, at) => at + i))],
  ['hash-like objects', (i) => JSON.parse(`{${Array.from({ length: 1_100 }, (_, at) => `"${i}k${at}":1`)}}`)],
  ['bytes', (i) => new Uint8Array(500).fill(i)],
]

test.for(shapes)('the estimate for %s is within a quarter of what the heap shows', ([, make]) => {
  const values: unknown[] = []
  const before = usedBytes()
  let estimated = 0
  while (estimated < ESTIMATED_BYTES) {
    const sealed = seal(make(values.length), { isolation: 'freeze', origin: 'loaded', types: noTypes })
    estimated += sealed.weightBytes
    values.push(sealed.value)
  }
  const ratio = estimated / (usedBytes() - before)
  // Also keeps the values alive until here.
  expect(values.length).toBeGreaterThan(100)
  expect(ratio).toBeGreaterThan(0.75)
  expect(ratio).toBeLessThan(1.25)
})

test('a string costs one byte a character unless one needs two', () => {
  expect(stringBytes('ÿ'.repeat(80))).toBe(16 + 80)
  expect(stringBytes(`Ā${'x'.repeat(79)}`)).toBe(16 + 160)
})

test('a part that is shared counts once', () => {
  const part = 'x'.repeat(1_000).split('')
  const weigh = (value: unknown): number =>
    seal(value, { isolation: 'share', origin: 'loaded', types: noTypes }).weightBytes
  expect(weigh([part, part])).toBeLessThan(weigh([part]) * 1.1)
})
