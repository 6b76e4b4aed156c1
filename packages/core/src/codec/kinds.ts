import type { Kind } from './kind.ts'
import { bytesKinds } from './kinds/bytes.ts'
import { dateKind } from './kinds/date.ts'
import { errorKinds } from './kinds/error.ts'
import { mapKind } from './kinds/map.ts'
import { regExpKind } from './kinds/reg-exp.ts'
import { setKind } from './kinds/set.ts'
import { urlKind } from './kinds/url.ts'
import { isReadOnlyTwin } from './read-only.ts'

const KINDS: readonly Kind[] = [dateKind, mapKind, setKind, regExpKind, urlKind, ...errorKinds, ...bytesKinds]

const BY_PROTOTYPE = new Map<object, Kind>()
const BY_TAG = new Map<string, Kind>()
for (const kind of KINDS) {
  BY_TAG.set(kind.tag, kind)
  for (const prototype of kind.prototypes) BY_PROTOTYPE.set(prototype, kind)
}

/** How an object is walked and written; undefined: no class Holdfast knows, so registered or refused. */
export type Shape = 'object' | 'null-object' | 'array' | Kind | undefined

/** Tells what an object is, by its prototype. Runs code of a Proxy's owner: ask `isProxy` first where it matters. */
export function shapeOf(value: object): Shape {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return 'object'
  if (prototype === Array.prototype) return Array.isArray(value) ? 'array' : undefined
  if (prototype === null) return 'null-object'
  const kind = BY_PROTOTYPE.get(prototype) ?? kindOfForeignTwin(prototype)
  if (kind !== undefined) return kind.has(value) ? kind : undefined
  return foreignShape(value, prototype)
}

/** The kind whose nodes carry this tag. */
export function kindByTag(tag: string): Kind | undefined {
  return BY_TAG.get(tag)
}

/** A value that another copy of this library made read-only. */
function kindOfForeignTwin(prototype: object): Kind | undefined {
  return isReadOnlyTwin(prototype) ? BY_PROTOTYPE.get(Object.getPrototypeOf(prototype)) : undefined
}

/**
 * Plain data of another realm (node:vm, and every test under Jest that reads `response.json()`): its prototypes are
 * twins of ours. The realm is no part of a value: from L2 it comes back in this one.
 */
function foreignShape(value: object, prototype: object): Shape {
  if (Array.isArray(value)) return Array.isArray(prototype) ? 'array' : undefined
  const isObjectPrototype =
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
  return isObjectPrototype ? 'object' : undefined
}
