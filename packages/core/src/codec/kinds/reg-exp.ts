import { types } from 'node:util'
import { extraProperties, type Kind } from '../kind.ts'

// With the flag u or v, a character may stand for a large class of them, and a property does: about 10 µs a character
// and up to 3 ms a property, so that 5 KB would block a process for a second. Without them a megabyte takes 25 ms (all measured once).
const COST_MAX = 1024
const PROPERTY_COST = 128

/** What it takes to compile it, in characters. */
function compileCost(source: string, flags: string): number {
  if (!/[uv]/.test(flags)) return 0
  return source.length > COST_MAX
    ? source.length
    : source.length + PROPERTY_COST * (source.match(/\\p/gi)?.length ?? 0)
}

/** `["RegExp", source, flags, lastIndex]`. */
export const regExpKind: Kind<RegExp> = {
  tag: 'RegExp',
  prototypes: [RegExp.prototype],
  has: (value) => types.isRegExp(value),
  flaw: (value) =>
    compileCost(value.source, value.flags) > COST_MAX
      ? `it takes long to compile (at most ${COST_MAX} characters, where each \\p{…} counts for ${PROPERTY_COST})`
      : extraProperties(value, 1),
  // JSRegExp (7 words) and its data; compiled code is not counted.
  weightBytes: (value) => 160 + 2 * value.source.length,
  // Matching with g or y writes lastIndex: such an expression has a state that readers cannot share.
  isSealable: (value) => !value.global && !value.sticky,
  write: (value) => [value.source, value.flags, value.lastIndex],
  cost: ([source, flags]) =>
    typeof source === 'string' && typeof flags === 'string' ? compileCost(source, flags) : 0,
  create([source, flags, lastIndex]) {
    if (typeof source !== 'string' || typeof flags !== 'string' || typeof lastIndex !== 'number') {
      throw new TypeError('a RegExp without source, flags and lastIndex')
    }
    if (compileCost(source, flags) > COST_MAX) throw new TypeError('a RegExp that takes long to compile')
    const made = new RegExp(source, flags)
    made.lastIndex = lastIndex
    return made
  },
}
