// Registered under a shared name, so that two copies of this library in one process know each other's work.
const MARK = Symbol.for('holdfast.read-only')

/**
 * A twin of a built-in prototype whose mutators throw: `Object.setPrototypeOf(instance, twin)` makes one instance
 * read-only in place. The instance stays a Date, Map or Set to `instanceof`, `constructor`, structuredClone, JSON
 * and inspection. Why not mutators of the instance's own: 16 of them on each Date cost twenty times
 * what a twin does (measured once).
 */
export function readOnlyTwin(prototype: object, mutators: readonly string[]): object {
  const twin: object = Object.create(prototype, { [MARK]: { value: true } })
  for (const name of mutators) {
    if (!(name in prototype)) continue
    Object.defineProperty(twin, name, { value: refuseChange, writable: false, enumerable: false })
  }
  return Object.freeze(twin)
}

/** Whether this prototype is a read-only twin, of this copy of the library or of another. */
export function isReadOnlyTwin(prototype: object): boolean {
  return Object.hasOwn(prototype, MARK)
}

function refuseChange(): never {
  throw new TypeError(
    "cached values are shared and read-only: change a copy (structuredClone), or use isolation: 'clone'",
  )
}
