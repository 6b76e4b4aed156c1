import { types } from 'node:util'
import { extraProperties, type Kind } from '../kind.ts'
import { isReadOnlyTwin, readOnlyTwin } from '../read-only.ts'
import type { Slot } from '../table.ts'

const READ_ONLY = readOnlyTwin(Set.prototype, ['add', 'delete', 'clear'])

/** `["Set", item, item, …]` in the set's order. */
export const setKind: Kind<Set<unknown>> = {
  tag: 'Set',
  prototypes: [Set.prototype, READ_ONLY],
  has: (value) => types.isSet(value),
  flaw: (value) => extraProperties(value, 0),
  // As a map's, with 2 words an item.
  weightBytes: (value) => 144 + 27 * value.size,
  isSealable: () => true,
  seal: (value) => void Object.setPrototypeOf(value, READ_ONLY),
  isSealed: (value) => isReadOnlyTwin(Object.getPrototypeOf(value)),
  eachMember(value, visit) {
    let at = 0
    for (const item of value) visit(item, at++)
  },
  step: (_value, label) => `.items[${label}]`,
  write(value, slot) {
    const parts: Slot[] = []
    for (const item of value) parts.push(slot(item))
    return parts
  },
  create: () => new Set(),
  fill(created, parts, member) {
    for (const part of parts) created.add(member(part))
  },
}
