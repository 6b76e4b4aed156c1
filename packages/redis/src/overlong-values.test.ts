import { systemClock } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import { OverlongValues } from './overlong-values.ts'
import { RespOverlong } from './resp-value.ts'

const value = new RespOverlong(20_000_000, Buffer.from(`H\x01\x00\x00tokenABC${'.'.repeat(52)}`))

function make() {
  let nowMs = 0
  const values = new OverlongValues({ ...systemClock, now: () => nowMs })
  const pass = (ms: number): void => {
    nowMs += ms
  }
  return { values, pass }
}

test('a value that was too long is known for 10 s by what stands where its id would', () => {
  const { values, pass } = make()
  expect(values.find('a')).toBeUndefined()
  const entry = values.note('a', value)
  expect(entry).toMatchObject({ readable: false, isTooLarge: true, seen: 'tokenABC' })
  expect(entry.reason).toBe('20000000 bytes, more than this process reads (maxValueBytes)')
  pass(9_999)
  expect(values.find('a')).toBe(entry)
  expect(values.find('b')).toBeUndefined()
  pass(1)
  expect(values.find('a')).toBeUndefined()
})

test('it is forgotten when it changes', () => {
  const { values } = make()
  values.note('a', value)
  values.forget('a')
  expect(values.find('a')).toBeUndefined()
})

test('at most 1,000 are known; the oldest goes first', () => {
  const { values } = make()
  for (let i = 0; i <= 1000; i++) values.note(`k${i}`, value)
  expect(values.find('k0')).toBeUndefined()
  expect(values.find('k1')).toBeDefined()
  expect(values.find('k1000')).toBeDefined()
})
