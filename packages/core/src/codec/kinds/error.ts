import { types } from 'node:util'
import { show } from '../../errors.ts'
import type { Kind } from '../kind.ts'
import type { Slot } from '../table.ts'

// What the language itself puts on an error, and keeps out of enumeration.
const HIDDEN = new Set(['message', 'stack', 'cause', 'errors'])

/**
 * `["TypeError", name, slot, name, slot, …]`: every own property in order, `stack` with them. An error that is a
 * value (not a failure: those are never cached) comes back with the stack it was made with.
 */
function errorKind(tag: string, prototype: Error, make: () => Error): Kind<Error> {
  return {
    tag,
    prototypes: [prototype],
    has: (value) => types.isNativeError(value),
    flaw: flawOf,
    weightBytes: (value) => 96 + 24 * Reflect.ownKeys(value).length,
    isSealable: () => true,
    seal: sealStack,
    isSealed: (value) => Object.getOwnPropertyDescriptor(value, 'stack')?.set === undefined,
    eachMember(value, visit) {
      for (const name of Object.getOwnPropertyNames(value)) visit(Reflect.get(value, name), name)
    },
    write(value, slot) {
      const parts: Slot[] = []
      for (const name of Object.getOwnPropertyNames(value)) parts.push(name, slot(Reflect.get(value, name)))
      return parts
    },
    create() {
      const made = withoutStack(make)
      for (const name of Object.getOwnPropertyNames(made)) Reflect.deleteProperty(made, name)
      return made
    },
    fill(created, parts, member) {
      if (parts.length % 2 !== 0) throw new TypeError('an error with a property that has no value')
      for (let at = 0; at < parts.length; at += 2) define(created, parts[at], member(parts[at + 1]))
    },
  }
}

/** The stack that the language would take is of no use, and nine tenths of the cost. */
function withoutStack(make: () => Error): Error {
  const { stackTraceLimit } = Error
  // Not an assignment: it would throw where the language's own objects are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}

function define(made: Error, name: unknown, value: unknown): void {
  if (typeof name !== 'string') throw new TypeError('an error with a property that has no name')
  const enumerable = !HIDDEN.has(name)
  Object.defineProperty(made, name, { value, enumerable, writable: true, configurable: true })
}

function flawOf(value: Error): string | undefined {
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === 'symbol') return `it carries the symbol ${show(key)}`
    const property = Object.getOwnPropertyDescriptor(value, key)
    // V8 makes `stack` an accessor: the one that is read like a value.
    if (key !== 'stack' && property?.get !== undefined) return `its ${show(key)} is a getter`
    if (property?.enumerable === HIDDEN.has(key)) {
      return `its ${show(key)} is ${HIDDEN.has(key) ? 'enumerable' : 'not enumerable'}`
    }
  }
  return undefined
}

/** V8's `stack` is an accessor that can be set even on a frozen error: a plain property takes its place. */
function sealStack(value: Error): void {
  if (!Object.hasOwn(value, 'stack')) return
  Object.defineProperty(value, 'stack', { value: value.stack, enumerable: false, configurable: true })
}

/** The eight error classes of the language. Subclasses are classes of somebody's own: registered or refused. */
export const errorKinds: readonly Kind[] = [
  errorKind('Error', Error.prototype, () => new Error()),
  errorKind('EvalError', EvalError.prototype, () => new EvalError()),
  errorKind('RangeError', RangeError.prototype, () => new RangeError()),
  errorKind('ReferenceError', ReferenceError.prototype, () => new ReferenceError()),
  errorKind('SyntaxError', SyntaxError.prototype, () => new SyntaxError()),
  errorKind('TypeError', TypeError.prototype, () => new TypeError()),
  errorKind('URIError', URIError.prototype, () => new URIError()),
  errorKind('AggregateError', AggregateError.prototype, () => new AggregateError([])),
]
