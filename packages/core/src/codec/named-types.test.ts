import { expect, test } from 'vitest'
import { NamedTypes } from './named-types.ts'

const type = {
  name: 'Point',
  is: (value: unknown): value is Date => value instanceof Date,
  encode: (value: Date): unknown => value.getTime(),
  decode: (): Date => new Date(0),
}

test('a type that lacks a part is refused by argument name', () => {
  const refused: [unknown, string][] = [
    ['x', 'types: expected an array'],
    [[null], 'types[0]: expected { name, is, encode, decode }, got null'],
    [[{ ...type, name: '' }], 'types[0].name: expected a string of 1 to 64 characters'],
    [[{ ...type, name: 'x'.repeat(65) }], 'types[0].name'],
    [[type, { ...type, name: 'B', decode: 1 }], 'types[1].decode: expected a function, got 1'],
    [[type, type], 'types[1].name: expected a name of its own, got "Point"'],
  ]
  for (const [types, message] of refused) {
    expect(() => Reflect.construct(NamedTypes, [types])).toThrow(message)
  }
})

test('the first type that takes a value has it', () => {
  const types = new NamedTypes([type, { ...type, name: 'Later' }])
  expect(types.typeOf(new Date(0))?.name).toBe('Point')
  expect(types.typeOf({})).toBe(undefined)
  expect(types.byName('Later')?.name).toBe('Later')
})
