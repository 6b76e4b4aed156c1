import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCodec } from './codec.ts'
import { NamedTypes } from './named-types.ts'
import { seal } from './seal.ts'
import { sealTree } from './seal-tree.ts'

const types = new NamedTypes([])
const codec = createCodec({ types })

function tree(text: string) {
  const parsed = codec.decodeTree(0, Buffer.from(text))
  if (parsed === undefined) throw new Error('no tree')
  return parsed
}

function isFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(isFrozen)
}

test('what JSON.parse made is sealed as a survey would seal it: the same value, weight and promise', () => {
  const text = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }).map((value) => JSON.stringify(value))
  fc.assert(
    fc.property(text, (json) => {
      const sealed = sealTree(tree(json), 'freeze')
      const surveyed = seal(codec.decode(0, Buffer.from(json)), {
        isolation: 'freeze',
        origin: 'decoded',
        types,
      })
      expect(sealed.value).toEqual(surveyed.value)
      expect(sealed.weightBytes).toBe(surveyed.weightBytes)
      expect(isFrozen(sealed.value)).toBe(true)
      expect(sealed.cloneOnHit).toBe(surveyed.cloneOnHit)
    }),
    { numRuns: 2000 },
  )
})

describe('sealTree', () => {
  test('weighs strings of one byte and of two', () => {
    const ascii = sealTree(tree(JSON.stringify(['a'.repeat(1000)])), 'freeze').weightBytes
    const wide = sealTree(tree(JSON.stringify(['北'.repeat(1000)])), 'freeze').weightBytes
    expect(wide - ascii).toBe(1000)
  })

  test('weighs an object of so many properties that V8 hashes them', () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`property ${i}`, i]))
    const json = JSON.stringify(many)
    const surveyed = seal(JSON.parse(json), { isolation: 'freeze', origin: 'decoded', types })
    expect(sealTree(tree(json), 'freeze').weightBytes).toBe(surveyed.weightBytes)
  })

  test('freezes nothing where values are shared as they are', () => {
    expect(Object.isFrozen(sealTree(tree('{"a":{}}'), 'share').value)).toBe(false)
  })

  test('keeps __proto__ an own property, and pollutes nothing', () => {
    const { value } = sealTree(tree('{"__proto__":{"polluted":true}}'), 'freeze')
    expect(Object.keys(Object(value))).toEqual(['__proto__'])
    expect('polluted' in {}).toBe(false)
  })

  test('overflows no stack, however deep the text', () => {
    const depth = 100_000
    const { value } = sealTree(tree('['.repeat(depth) + ']'.repeat(depth)), 'freeze')
    expect(Object.isFrozen(value)).toBe(true)
  })
})

test('there is no tree in other forms and other codecs', () => {
  expect(codec.decodeTree(1, Buffer.from('1'))).toBeUndefined()
  expect(() => codec.decodeTree(0, Buffer.from('{'))).toThrow('bytes that are no value of ours')
})
