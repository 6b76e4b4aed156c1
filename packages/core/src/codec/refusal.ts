import { types } from 'node:util'
import { CacheError, show } from '../errors.ts'

/** Why a value cannot be kept: what it is, and what to do about it. */
export interface Flaw {
  readonly what: string
  readonly hint: string
}

const REGISTER = 'register it: types: [{ name, is, encode, decode }], or store plain data'

/** The error of a value that no tier can keep as it is. */
export function unsupported(path: string, flaw: Flaw): CacheError {
  return new CacheError('unsupported_value', `${path}: ${flaw.what} cannot be cached; ${flaw.hint}`)
}

/** What a value is that is neither data nor an instance of a known class. Never throws. */
export function flawOf(value: unknown): Flaw {
  if (typeof value === 'function') {
    const what = /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function'
    // `function name`, or `function (anonymous)`: whatever it is called, on one line.
    const name = show(value).replace(/^function \(?|\)$/g, '')
    return { what: `${what} (${name})`, hint: 'leave it out: only data is stored' }
  }
  if (typeof value !== 'object' || value === null) {
    return { what: `a ${typeof value}`, hint: 'store a string in its place' }
  }
  try {
    return flawOfObject(value)
  } catch {
    // One of its own getters threw while it was looked at.
    return { what: 'an object that throws when it is read', hint: REGISTER }
  }
}

function flawOfObject(value: object): Flaw {
  if (types.isProxy(value)) return { what: 'a Proxy', hint: 'copy it first: { ...value }' }
  if (types.isPromise(value) || has(value, 'then')) return { what: 'a promise', hint: 'await it first' }
  if (has(value, 'pipe') || has(value, 'getReader') || has(value, 'getWriter')) {
    return { what: 'a stream', hint: 'read it to its end first' }
  }
  if (has(value, 'arrayBuffer') && has(value, 'text')) {
    return { what: named(value), hint: 'read its body first: await value.json(), .text() or .bytes()' }
  }
  if (types.isBoxedPrimitive(value)) return { what: 'a boxed primitive', hint: 'unwrap it: value.valueOf()' }
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef) {
    return { what: named(value), hint: 'its content cannot be listed' }
  }
  if (types.isSharedArrayBuffer(value))
    return { what: 'shared memory', hint: 'copy it: new Uint8Array(value)' }
  if (has(value, 'next')) return { what: 'an iterator', hint: 'collect it first: [...value]' }
  return { what: named(value), hint: REGISTER }
}

function has(value: object, method: string): boolean {
  return typeof Reflect.get(value, method) === 'function'
}

function named(value: object): string {
  const maker: unknown = Reflect.get(value, 'constructor')
  if (typeof maker !== 'function' || maker === Object) return 'an object with a prototype of its own'
  return `an instance of ${show(maker.name || 'an unnamed class').slice(1, -1)}`
}
