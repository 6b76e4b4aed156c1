import { types } from 'node:util'
import { show } from '../../errors.ts'
import { extraProperties, type Kind } from '../kind.ts'
import { isReadOnlyTwin, readOnlyTwin } from '../read-only.ts'
import type { Slot } from '../table.ts'

const READ_ONLY = readOnlyTwin(Map.prototype, [
  'set',
  'delete',
  'clear',
  'getOrInsert',
  'getOrInsertComputed',
])

/** `["Map", key, value, key, value, …]` in the map's order. Labels: 2n for the nth key, 2n + 1 for its value. */
export const mapKind: Kind<Map<unknown, unknown>> = {
  tag: 'Map',
  prototypes: [Map.prototype, READ_ONLY],
  has: (value) => types.isMap(value),
  flaw: (value) => extraProperties(value, 0),
  // V8's hash table: 3 words an entry and half a word of bucket, in powers of two (a quarter empty on average).
  weightBytes: (value) => 144 + 37 * value.size,
  isSealable: () => true,
  seal: (value) => void Object.setPrototypeOf(value, READ_ONLY),
  isSealed: (value) => isReadOnlyTwin(Object.getPrototypeOf(value)),
  eachMember(value, visit) {
    let at = 0
    for (const [key, member] of value) {
      visit(key, at++)
      visit(member, at++)
    }
  },
  step(value, label) {
    const nth = Math.floor(Number(label) / 2)
    if (Number(label) % 2 === 0) return `.keys[${nth}]`
    const [key] = [...value.keys()].slice(nth, nth + 1)
    return `.get(${show(key)})`
  },
  write(value, slot) {
    const parts: Slot[] = []
    for (const [key, member] of value) parts.push(slot(key), slot(member))
    return parts
  },
  create(parts) {
    if (parts.length % 2 !== 0) throw new TypeError('a Map with a key that has no value')
    return new Map()
  },
  fill(created, parts, member) {
    for (let at = 0; at < parts.length; at += 2) created.set(member(parts[at]), member(parts[at + 1]))
  },
}
