import { describe, expect, test } from 'vitest'
import { type MetaCode, ReplyInMaking } from './meta-reply.ts'
import { CLASSIC, completesCommand, Opaques } from './opaques.ts'

function reply(code: MetaCode, opaque = 0): ReplyInMaking {
  const made = new ReplyInMaking(code)
  made.opaque = opaque
  return made
}

test('numbers rise, batches have theirs in a row, and none is reached again while one can be in flight', () => {
  const opaques = new Opaques()
  expect([opaques.take(1), opaques.take(3), opaques.take(1)]).toEqual([1, 2, 5])
  let last = 5
  for (let i = 0; i < 2000; i++) {
    const first = opaques.take(999)
    expect(first).toBe(last + 1 + 999 > 999_999 ? 1 : last + 1)
    last = first + 998
  }
})

describe('a reply', () => {
  test.each<[MetaCode, number, number, boolean]>([
    ['HD', 7, 7, true],
    ['VA', 7, 7, true],
    ['EN', 7, 7, true],
    ['SERVER_ERROR', 0, 7, true],
    ['CLIENT_ERROR', 0, 7, true],
    ['VA', 9, -7, false],
    ['NF', 7, -7, false],
    ['SERVER_ERROR', 0, -7, false],
    ['MN', 0, -7, true],
    ['STAT', 0, CLASSIC, false],
    ['END', 0, CLASSIC, true],
    ['VERSION', 0, CLASSIC, true],
    ['STORED', 0, CLASSIC, true],
    ['ERROR', 0, CLASSIC, true],
    ['ME', 0, CLASSIC, true],
    ['EN', 0, CLASSIC, true],
  ])('%s #%d to the mark %d: the last one: %s', (code, opaque, mark, isLast) => {
    expect(completesCommand(reply(code, opaque), mark)).toBe(isLast)
  })

  test.each<[MetaCode, number, number]>([
    ['VA', 8, 7],
    ['HD', 0, 7],
    ['EN', 0, 7],
    ['EN', 6, -7],
    ['VA', 0, -7],
    ['HD', 1, CLASSIC],
    ['HD', 0, CLASSIC],
    ['EN', 1, CLASSIC],
    ['MN', 0, 7],
    ['MN', 0, CLASSIC],
    ['STAT', 0, 7],
    ['END', 0, 7],
    ['END', 0, -7],
    ['VERSION', 0, 7],
    ['ME', 0, 7],
  ])('%s #%d to the mark %d is somebody else’s', (code, opaque, mark) => {
    expect(() => completesCommand(reply(code, opaque), mark)).toThrow(/in place of/)
  })
})
