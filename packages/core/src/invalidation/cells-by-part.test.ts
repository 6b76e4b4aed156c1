import { manualClock } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { CellsByPart } from './cells-by-part.ts'
import type { TagCells } from './tag-cells.ts'

function cellsOf(cellsMax: number) {
  const made: TagCells[] = []
  const cells = new CellsByPart(manualClock({ seed: 1 }), cellsMax, (part) => made.push(part))
  return { cells, made }
}

test('each part has cells of its own, made when it is first asked for', () => {
  const { cells, made } = cellsOf(10)
  expect(made).toEqual([cells.home])
  expect(cells.at(0)).toBe(cells.home)
  const third = cells.at(2)
  expect(made.length).toBe(3)
  expect(third.cell('t')).not.toBe(cells.home.cell('t'))
  expect(cells.at(2)).toBe(third)
  for (const part of made) expect(cells.hasNamespace(part.namespace)).toBe(true)
  expect(cells.hasNamespace(third.cell('t'))).toBe(false)
})

test('what is invalidated is so in every part', () => {
  const { cells } = cellsOf(10)
  const [here, there] = [cells.at(0).cell('t'), cells.at(1).cell('t')]
  here.token = 'here'
  there.token = 'there'
  cells.kill('t')
  expect([here.token, there.token]).toEqual([undefined, undefined])
  expect([here.invalidations, there.invalidations]).toEqual([1, 1])
  cells.killNamespace()
  expect(cells.at(1).namespace.invalidations).toBe(1)
})

test('the bound is that of all parts together; each has room for one', () => {
  const { cells } = cellsOf(3)
  const first = cells.at(0).cell('1')
  cells.at(0).cell('2')
  cells.at(0).cell('3')
  const other = cells.at(1).cell('4')
  expect(cells.at(1).cell('4')).toBe(other)
  cells.at(0).cell('5')
  expect(first.invalidations).toBe(1)
  expect(cells.at(0).cell('1')).not.toBe(first)
  cells.at(1).cell('6')
  expect(cells.at(1).cell('4')).not.toBe(other)
})

test('the tags that are held are told in turn, part by part', () => {
  const { cells } = cellsOf(10)
  for (const [part, tag] of [
    [0, 'a'],
    [0, 'b'],
    [1, 'c'],
  ] as const) {
    cells.at(part).cell(tag).token = tag
  }
  // A walk begins with the call after the one that found the end.
  expect(cells.nextHeld(2)).toEqual([])
  expect(cells.nextHeld(2)).toEqual(['a', 'b'])
  expect(cells.nextHeld(2)).toEqual(['c'])
})

test('tags are told of part by part in turn, however many one of them holds', () => {
  const { cells } = cellsOf(200)
  for (let i = 0; i < 100; i++) cells.at(0).cell(`many ${i}`).token = 'held'
  for (const part of [1, 2]) cells.at(part).cell(`few ${part}`).token = 'held'
  const told: string[] = []
  // A walk begins with the call after the one that found the end.
  for (let calls = 0; calls < 2 * 3; calls++) told.push(...cells.nextHeld(4))
  expect(told).toEqual(expect.arrayContaining(['few 1', 'few 2']))
  expect(told.filter((tag) => tag.startsWith('many')).length).toBeGreaterThan(3 * 4)
})

test('a tag that several parts hold is told of once', () => {
  const { cells } = cellsOf(10)
  for (const part of [0, 1, 2]) cells.at(part).cell('t').token = 'held'
  expect([cells.nextHeld(4), cells.nextHeld(4)]).toEqual([[], ['t']])
})
