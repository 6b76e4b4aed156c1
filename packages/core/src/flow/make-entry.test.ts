import { expect, test } from 'vitest'
import type { CacheEvent } from '../events.ts'
import { Stage } from '../testing/stage.ts'

const WIDE = 'x'.repeat(3_000)

test('a loaded value that is too large is answered, told of once, and counted each time', async () => {
  await using stage = new Stage()
  const warnings: string[] = []
  const told: CacheEvent[] = []
  const { cache } = stage.node({
    maxValueBytes: '1kb',
    logger: { info: () => undefined, warn: (line) => warnings.push(line) },
    onEvent: (event) => told.push(event),
  })
  let loads = 0
  const load = () => {
    loads++
    return WIDE
  }
  expect(await cache.getOrSet('list', load)).toBe(WIDE)
  expect(await cache.getOrSet('list', load)).toBe(WIDE)
  expect(await cache.namespace('inner').getOrSet('other', load)).toBe(WIDE)
  expect(loads).toBe(3)
  expect(warnings).toEqual([
    'cache "shop": the value of "list" has at least 3000 bytes in L2; maxValueBytes is 1024: ' +
      'it is not stored (told once; see stats().tooLargeValues)',
  ])
  expect(cache.stats()).toMatchObject({ tooLargeValues: 3, l2Errors: 0 })
  expect(told.filter((event) => event.type === 'trouble').map(({ what, key }) => [what, key])).toEqual([
    ['value_too_large', 'list'],
    ['value_too_large', 'list'],
    ['value_too_large', 'other'],
  ])
})

test('without L2 no value has bytes to be bounded', async () => {
  await using stage = new Stage()
  const cache = stage.alone({ maxValueBytes: '1kb' })
  await cache.getOrSet('list', () => WIDE)
  expect(await cache.get('list')).toBe(WIDE)
  expect(cache.stats().tooLargeValues).toBe(0)
})
