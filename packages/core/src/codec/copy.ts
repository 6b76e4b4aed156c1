import { ListedBytes } from './byte-source.ts'
import type { NamedTypes } from './named-types.ts'
import type { Form } from './survey.ts'
import { readTable } from './table-reader.ts'
import { writeTable } from './table-writer.ts'

/**
 * A deep copy, not frozen. It is the wire form without the bytes, so a copy from L1 and a value from L2 are alike by
 * construction. `form` is what the survey of this very value found.
 */
export function copyOf(value: unknown, form: Form, types: NamedTypes): unknown {
  if (form === 'json') return copyTree(value)
  const { table, bytes } = writeTable(value, types)
  return readTable(table, new ListedBytes(bytes), types)
}

/** Recursion is safe: what needs more than JSON_DEPTH_MAX levels has the tagged form. */
function copyTree(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return copyElements(value)
  // A spread defines properties (an own `__proto__` stays one) and is by far the fastest copy of one level.
  const copy: Record<string, unknown> = { ...value }
  for (const name of Object.keys(copy)) {
    const member = copy[name]
    if (typeof member === 'object' && member !== null) copy[name] = copyTree(member)
  }
  return copy
}

/** Not `map`: that makes an array of the original's realm. Not by index: survey.ts says why. */
function copyElements(elements: readonly unknown[]): unknown[] {
  const copy: unknown[] = []
  for (const element of elements) copy.push(copyTree(element))
  return copy
}
