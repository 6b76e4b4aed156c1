import { show } from '../errors.ts'

// A path longer than this many steps shows its two ends.
const STEPS_MAX = 12

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
const NAME_CHARS_MAX = 60

/** One step of a path as it would be typed: `.name`, `["odd name"]`, `[3]`. */
export function pathStep(label: PropertyKey): string {
  if (typeof label === 'string' && label.length <= NAME_CHARS_MAX && IDENTIFIER.test(label))
    return `.${label}`
  return `[${show(label)}]`
}

/** A path from the value's root, e.g. `value.items[3].save`; the middle of a long one is left out. */
export function formatPath(steps: readonly string[]): string {
  if (steps.length <= STEPS_MAX) return `value${steps.join('')}`
  const half = STEPS_MAX / 2
  return `value${steps.slice(0, half).join('')}…${steps.slice(-half).join('')}`
}
