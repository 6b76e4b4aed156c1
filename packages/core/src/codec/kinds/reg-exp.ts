import { types } from 'node:util'
import { extraProperties, type Kind } from '../kind.ts'

/** `["RegExp", source, flags, lastIndex]`. */
export const regExpKind: Kind<RegExp> = {
  tag: 'RegExp',
  prototypes: [RegExp.prototype],
  has: (value) => types.isRegExp(value),
  flaw: (value) => extraProperties(value, 1),
  // JSRegExp (7 words) and its data; compiled code is not counted.
  weightBytes: (value) => 160 + 2 * value.source.length,
  // Matching with g or y writes lastIndex: such an expression has a state that readers cannot share.
  isSealable: (value) => !value.global && !value.sticky,
  write: (value) => [value.source, value.flags, value.lastIndex],
  create([source, flags, lastIndex]) {
    if (typeof source !== 'string' || typeof flags !== 'string' || typeof lastIndex !== 'number') {
      throw new TypeError('a RegExp without source, flags and lastIndex')
    }
    const made = new RegExp(source, flags)
    made.lastIndex = lastIndex
    return made
  },
}
