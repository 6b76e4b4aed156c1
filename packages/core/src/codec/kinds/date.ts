import { types } from 'node:util'
import { extraProperties, type Kind } from '../kind.ts'
import { isReadOnlyTwin, readOnlyTwin } from '../read-only.ts'

const MUTATORS = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith('set'))
const READ_ONLY = readOnlyTwin(Date.prototype, MUTATORS)

/** `["Date", milliseconds]`, null for an invalid date. */
export const dateKind: Kind<Date> = {
  tag: 'Date',
  prototypes: [Date.prototype, READ_ONLY],
  has: (value) => types.isDate(value),
  flaw: (value) => extraProperties(value, 0),
  // V8's JSDate: map, properties, elements, the time and 8 cached fields, 8 bytes each.
  weightBytes: () => 96,
  isSealable: () => true,
  seal: (value) => void Object.setPrototypeOf(value, READ_ONLY),
  isSealed: (value) => isReadOnlyTwin(Object.getPrototypeOf(value)),
  write: (value) => [Number.isNaN(value.getTime()) ? null : value.getTime()],
  create([ms]) {
    if (ms !== null && (typeof ms !== 'number' || new Date(ms).getTime() !== ms)) {
      throw new TypeError('a Date without a time')
    }
    return new Date(ms ?? Number.NaN)
  },
}
