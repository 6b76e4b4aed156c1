import { expect, test } from 'vitest'
import { describeOtherList } from './other-list.ts'
import type { RingRecord } from './ring-record.ts'

const MEND = 'every process needs the same servers, named alike, weights, placement and gutter'

function listOf(servers: readonly string[], version = 0): RingRecord {
  return { epoch: 'e', version, since: 0, servers }
}

test('a list is told by what it has and ours has not, and the other way round', () => {
  const ours = listOf(['127.0.0.1:1', 'b:2'])
  expect(describeOtherList(ours, listOf(['localhost:1', 'b:2']))).toBe(
    `it has localhost:1; ours has 127.0.0.1:1; ${MEND}`,
  )
  expect(describeOtherList(ours, listOf(['b:2']))).toBe(`ours has 127.0.0.1:1; ${MEND}`)
  expect(describeOtherList(ours, listOf(['127.0.0.1:1', 'b:2', 'c:3']))).toBe(`it has c:3; ${MEND}`)
})

test('where the servers are the same, something else differs', () => {
  const list = listOf(['a:1'])
  expect(describeOtherList(list, list)).toBe(
    `of the same servers: weights, placement or gutter differ; ${MEND}`,
  )
})

test('a list that is not known is told by the mend alone', () => {
  expect(describeOtherList(listOf(['a:1']), undefined)).toBe(MEND)
})

test('lists that a source numbers are told by their numbers', () => {
  const text = describeOtherList(listOf(['a:1'], 4), listOf(['b:1'], 5))
  expect(text).toBe('it is number 5, and ours 4, which is asked for again')
})

test('a line stays one, and a line, whatever a record says', () => {
  const many = Array.from({ length: 1000 }, (_, i) => `${'x'.repeat(1000)}\n\u001b[31m${i}`)
  const text = describeOtherList(listOf(['a:1']), listOf(many))
  expect(text).toContain(' and 995 more; ours has a:1; ')
  expect(text.length).toBeLessThan(1200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
  expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
})
