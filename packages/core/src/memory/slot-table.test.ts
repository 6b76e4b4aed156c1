import { describe, expect, test } from 'vitest'
import { SlotTable } from './slot-table.ts'

interface Item {
  readonly key: string
}

function openTable(entries: number): SlotTable<Item> {
  const table = new SlotTable<Item>()
  for (let i = 0; i < entries; i++) add(table, `${i}`)
  return table
}

function add(table: SlotTable<Item>, key: string): number {
  return table.add({ key }, table.slotOf(key))
}

function vacate(table: SlotTable<Item>, key: string): void {
  const slot = table.slotOf(key)
  const item = slot === undefined ? undefined : table.at(slot)
  if (slot === undefined || item === undefined) throw new Error(`${key} is not held`)
  table.vacate(slot, item)
}

function keysThatLead(table: SlotTable<Item>, count: number): number {
  return Array.from({ length: count }, (_, i) => table.slotOf(`${i}`)).filter((slot) => slot !== undefined)
    .length
}

describe('a slot table', () => {
  test('gives a key that returns the slot it left, however many left after it, up to an eighth', () => {
    const table = openTable(10_000)
    const slot = table.slotOf('7')
    for (let round = 0; round < 3; round++) {
      vacate(table, '7')
      for (let i = 100; i < 1000; i++) vacate(table, `${i}`)
      expect(table.slotOf('7')).toBe(slot)
      expect(add(table, '7')).toBe(slot)
      for (let i = 100; i < 1000; i++) add(table, `${i}`)
    }
    expect([table.size, table.length]).toEqual([10_000, 10_000])
  })

  test('finds nothing in a vacant slot', () => {
    const table = openTable(1)
    vacate(table, '0')
    const slot = table.slotOf('0')
    expect(slot).toBe(0)
    expect(table.at(0)).toBeUndefined()
    expect(table.size).toBe(0)
  })

  test('remembers an eighth of what it holds at most, and the latest 64 of few', () => {
    const table = openTable(8000)
    for (let i = 0; i < 2000; i++) vacate(table, `${i}`)
    expect(keysThatLead(table, 2000)).toBe(6000 / 8)
    for (let i = 2000; i < 8000; i++) vacate(table, `${i}`)
    expect(keysThatLead(table, 8000)).toBe(64)
    expect(table.slotOf('7999')).toBeDefined()
    expect(table.slotOf(`${8000 - 65}`)).toBeUndefined()
  })

  test('uses its slots again: no more of them than entries and vacant ones at one time', () => {
    const table = openTable(1000)
    for (let i = 0; i < 50_000; i++) {
      vacate(table, `${i}`)
      add(table, `${1000 + i}`)
    }
    expect(table.size).toBe(1000)
    expect(table.length).toBeLessThanOrEqual(1000 + 1000 / 8)
  })
})
