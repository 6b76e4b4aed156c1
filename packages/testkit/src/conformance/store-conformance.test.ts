import { describe, expect, test } from 'vitest'
import { MemoryServer } from '../memory-store/memory-server.ts'
import { memoryStore } from '../memory-store.ts'
import { decorateStore } from './decorate-store.ts'
import { memoryHarness } from './memory-harness.ts'
import { partedHarness } from './parted-harness.ts'
import { storeConformance } from './store-conformance.ts'

describe('the in-memory model is a store', () => {
  for (const { name, rule, lacks, run } of storeConformance(memoryHarness(new MemoryServer()))) {
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})

describe('the in-memory model in parts is a store', () => {
  for (const { name, rule, lacks, run } of storeConformance(partedHarness())) {
    if (lacks === 'push') continue
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})

describe('a decorated store in parts tells what they are owed', () => {
  const harness = partedHarness()
  const decorated = { ...harness, definition: decorateStore(harness.definition, { namespace: () => ({}) }) }
  const cases = storeConformance(decorated).filter(({ rule, lacks }) => rule === 'Q' && lacks === undefined)
  test.each(cases)('$rule: $name', ({ run }) => run())
})

test('no two cases have one name', () => {
  const names = storeConformance(partedHarness()).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('a case says what its harness lacks', () => {
  const cases = storeConformance({ definition: memoryStore(), push: false, inParts: true })
  const lacking = new Set(cases.flatMap(({ lacks }) => lacks?.split(', ') ?? []))
  expect([...lacking].sort()).toEqual(
    [
      'cut',
      'evict',
      'flush',
      'losePart',
      'plant',
      'push',
      'quarantinesWhenFull',
      'restart',
      'setFull',
      'stall',
    ].sort(),
  )
})
