import { expect, test } from 'vitest'
import type { StandardSchema } from '../options.ts'
import { validate } from './validate.ts'

function schema<Output>(check: StandardSchema<Output>['~standard']['validate']): StandardSchema<Output> {
  return { '~standard': { version: 1, vendor: 'test', validate: check } }
}

test('a schema that answers at once is answered at once, with its output', () => {
  expect(
    validate(
      schema((value) => ({ value: Number(value) })),
      '5',
    ),
  ).toBe(5)
})

test('a schema that answers later is awaited', async () => {
  expect(
    await validate(
      schema(async (value) => ({ value })),
      'a',
    ),
  ).toBe('a')
})

test('a failure is invalid_load and names the paths of the issues, sync or async', async () => {
  const issues = [
    { message: 'Expected number', path: ['items', 3, { key: 'price' }] },
    { message: 'Required\n[ERROR] forged', path: ['odd name'] },
    { message: 'Wrong' },
  ]
  const message =
    'value.items[3].price: "Expected number"; value["odd name"]: "Required\\n[ERROR] forged"; value: "Wrong"'
  const expected = expect.objectContaining({ code: 'invalid_load', message })
  expect(() =>
    validate(
      schema(() => ({ issues })),
      1,
    ),
  ).toThrow(expected)
  await expect(
    validate(
      schema(async () => ({ issues })),
      1,
    ),
  ).rejects.toEqual(expected)
})

test('many issues are counted, not listed', () => {
  const issues = Array.from({ length: 9 }, (_, i) => ({ message: 'no', path: [i] }))
  expect(() =>
    validate(
      schema(() => ({ issues })),
      1,
    ),
  ).toThrow(/value\[4\]: "no"; and 4 more$/)
})

test('a schema that throws or rejects is invalid_load with the cause', async () => {
  const cause = new Error('inside')
  const expected = expect.objectContaining({ code: 'invalid_load', cause })
  const fail = (): never => {
    throw cause
  }
  expect(() => validate(schema(fail), 1)).toThrow(expected)
  await expect(
    validate(
      schema(async () => fail()),
      1,
    ),
  ).rejects.toEqual(expected)
})
