import { types as nodeTypes } from 'node:util'
import { CacheError, show } from '../errors.ts'
import type { NamedType } from '../options.ts'
import type { Kind, Label } from './kind.ts'
import { shapeOf } from './kinds.ts'
import { encodeNamed, type NamedTypes } from './named-types.ts'
import { formatPath, pathStep } from './path.ts'
import { type Flaw, flawOf, unsupported } from './refusal.ts'
import { arrayBytes, bigintBytes, numberBytes, objectBytes, stringBytes } from './weight.ts'

/** Which wire form a value needs: JSON text, or a table that carries what JSON cannot. */
export type Form = 'json' | 'tagged'

/** What one walk learns of a value. */
export interface Survey {
  readonly form: Form
  /** Estimated heap bytes; shared parts count once. */
  readonly weightBytes: number
  /** Every object that sealing freezes, holders before what they hold. */
  readonly nodes: readonly object[]
  /** Holds what nothing makes read-only (bytes, URL), so that readers need copies. */
  readonly needsCopies: boolean
  /** Holds an instance that its owner froze before it could be made read-only. */
  readonly isLocked: boolean
  /** Registered instances, in the value itself or in what stands for one. */
  readonly namedCount: number
  /** Some object is reached twice. */
  readonly isGraph: boolean
}

/** Values of others are looked at for what cannot be kept; what our own decoder or copier made is trusted. */
export type Origin = 'foreign' | 'own'

/** Deeper values go in the tagged form: JSON.stringify recurses, and overflows the stack at some 4,000 levels. */
const JSON_DEPTH_MAX = 512

// A sparse array writes each hole as 5 bytes: with more of them than this it is a Map in disguise.
const HOLES_MAX = 10_000
// Listing an array's keys costs 16 ns an element (measured once): longer arrays are not looked at for properties beside the
// elements (which would be lost in L2).
const KEYS_CHECKED_MAX = 1_024
// Up to this many objects, a look through the list beats a Set.
const LISTED_MAX = 8

/**
 * Walks a value breadth first without recursion, so that no depth overflows. Throws `unsupported_value`, naming the
 * path, at the first thing that could not come back from every tier as it is. Changes nothing.
 * Cost: one look at each member, a third of that where `origin` is 'own'.
 */
export function survey(value: unknown, types: NamedTypes, origin: Origin): Survey {
  return new Walk(types, origin).run(value)
}

class Walk {
  readonly #types: NamedTypes
  readonly #origin: Origin
  /** Found and to be walked, in order. The parallel arrays say where each was found; a path is built from them. */
  readonly #nodes: object[] = []
  readonly #parents: number[] = []
  readonly #labels: Label[] = []
  readonly #named: { readonly at: number; readonly type: NamedType }[] = []
  #seen: Set<object> | undefined
  #weightBytes = 0
  #isTagged = false
  #isGraph = false
  #needsCopies = false
  #isLocked = false

  constructor(types: NamedTypes, origin: Origin) {
    this.#types = types
    this.#origin = origin
  }

  run(value: unknown): Survey {
    this.#visit(value, -1, '')
    const depth = this.#walk(0)
    if (depth > JSON_DEPTH_MAX) this.#isTagged = true
    const nodes = this.#named.length === 0 ? this.#nodes : this.#withoutNamed()
    this.#walkNamed()
    return {
      form: this.#isTagged || this.#isGraph ? 'tagged' : 'json',
      weightBytes: this.#weightBytes,
      nodes,
      needsCopies: this.#needsCopies,
      isLocked: this.#isLocked,
      namedCount: this.#named.length,
      isGraph: this.#isGraph,
    }
  }

  /** Walks the nodes from `start` on, and those found meanwhile; says how many levels there were. */
  #walk(start: number): number {
    let depth = 0
    let levelEnd = start
    for (let at = start; at < this.#nodes.length; at++) {
      if (at === levelEnd) {
        depth++
        levelEnd = this.#nodes.length
      }
      const node = this.#nodes[at]
      if (node !== undefined) this.#expand(node, at)
    }
    return depth
  }

  /** What stands for registered instances is weighed and checked, but it is theirs: it is never frozen. */
  #walkNamed(): void {
    for (const { at, type } of this.#named) {
      const from = this.#nodes.length
      this.#visit(this.#encoded(type, at), at, '')
      this.#walk(from)
    }
  }

  #encoded(type: NamedType, at: number): unknown {
    try {
      return encodeNamed(type, this.#nodes[at])
    } catch (error) {
      if (!(error instanceof CacheError)) throw error
      throw new CacheError(error.code, `${this.#path(at)}: ${error.message}`, { cause: error.cause })
    }
  }

  #withoutNamed(): readonly object[] {
    const named = new Set(this.#named.map(({ at }) => at))
    return this.#nodes.filter((_, at) => !named.has(at))
  }

  #visit(member: unknown, parent: number, label: Label): void {
    switch (typeof member) {
      case 'string':
        this.#weightBytes += stringBytes(member)
        return
      case 'number':
        this.#weightBytes += numberBytes(member)
        if (!Number.isFinite(member) || Object.is(member, -0)) this.#isTagged = true
        return
      case 'boolean':
        return
      case 'object':
        if (member !== null) this.#found(member, parent, label)
        return
      case 'undefined':
        this.#isTagged = true
        return
      case 'bigint':
        this.#weightBytes += bigintBytes(member)
        this.#isTagged = true
        return
      default:
        this.#refuse(parent, label, flawOf(member))
    }
  }

  #found(member: object, parent: number, label: Label): void {
    if (this.#isKnown(member)) {
      this.#isGraph = true
      return
    }
    this.#nodes.push(member)
    this.#parents.push(parent)
    this.#labels.push(label)
  }

  #isKnown(member: object): boolean {
    if (this.#nodes.length < LISTED_MAX) return this.#nodes.includes(member)
    this.#seen ??= new Set(this.#nodes)
    if (this.#seen.has(member)) return true
    this.#seen.add(member)
    return false
  }

  #expand(node: object, at: number): void {
    if (this.#origin === 'foreign' && nodeTypes.isProxy(node)) this.#refuseNode(at, flawOf(node))
    const shape = shapeOf(node)
    if (shape !== 'object' && shape !== 'array') this.#isTagged = true
    if (shape === 'object' || shape === 'null-object') this.#object(node, at)
    else if (Array.isArray(node) && shape === 'array') this.#array(node, at)
    else if (typeof shape === 'object') this.#instance(node, at, shape)
    else this.#registered(node, at)
  }

  #registered(node: object, at: number): void {
    const type = this.#types.typeOf(node)
    if (type === undefined) this.#refuseNode(at, flawOf(node))
    else this.#named.push({ at, type })
  }

  #object(node: object, at: number): void {
    const names = Object.getOwnPropertyNames(node)
    this.#weightBytes += objectBytes(names)
    if (this.#origin === 'own') {
      const members: readonly unknown[] = Object.values(node)
      for (let i = 0; i < members.length; i++) this.#visit(members[i], at, i)
      return
    }
    for (const name of names) {
      const property = Object.getOwnPropertyDescriptor(node, name)
      if (property?.enumerable !== true) this.#refuse(at, name, HIDDEN)
      else if (property.get !== undefined || property.set !== undefined) this.#refuse(at, name, ACCESSOR)
      else this.#visit(property.value, at, name)
    }
    this.#refuseSymbols(node, at)
  }

  #array(node: readonly unknown[], at: number): void {
    this.#weightBytes += arrayBytes(node.length)
    if (this.#origin === 'foreign') this.#refuseSymbols(node, at)
    let holes = 0
    let i = 0
    // Not by index: V8's optimized code turns an array of doubles that it reads so into one of boxed numbers, which
    // would make the caller's array three times as large.
    for (const member of node) {
      if (member === undefined && !Object.hasOwn(node, i)) {
        this.#isTagged = true
        if (++holes > HOLES_MAX) this.#refuseNode(at, SPARSE)
      } else {
        this.#visit(member, at, i)
      }
      i++
    }
    if (this.#origin === 'foreign') this.#refuseExtras(node, node.length - holes, at)
  }

  #refuseExtras(node: readonly unknown[], elements: number, at: number): void {
    if (elements > KEYS_CHECKED_MAX) return
    const names = Object.keys(node)
    if (names.length > elements) this.#refuse(at, names[elements] ?? '', BESIDE)
  }

  #refuseSymbols(node: object, at: number): void {
    const [symbol] = Object.getOwnPropertySymbols(node)
    if (symbol === undefined) return
    this.#refuseNode(at, { what: `a property named by ${String(symbol)}`, hint: 'name it by a string' })
  }

  #instance(node: object, at: number, kind: Kind): void {
    const flaw = this.#origin === 'foreign' ? kind.flaw(node) : undefined
    if (flaw !== undefined) {
      this.#refuseNode(at, { what: `${show(node)} is not plain: ${flaw}; it`, hint: 'store a plain one' })
    }
    this.#weightBytes += kind.weightBytes(node)
    if (!kind.isSealable(node)) this.#needsCopies = true
    else if (!Object.isExtensible(node) && kind.isSealed?.(node) === false) this.#isLocked = true
    kind.eachMember?.(node, (member, label) => this.#visit(member, at, label))
  }

  #refuse(parent: number, label: Label, flaw: Flaw): never {
    throw unsupported(formatPath([...this.#steps(parent), this.#step(parent, label)]), flaw)
  }

  #refuseNode(at: number, flaw: Flaw): never {
    throw unsupported(this.#path(at), flaw)
  }

  #path(at: number): string {
    return formatPath(this.#steps(at))
  }

  #steps(at: number): string[] {
    const steps: string[] = []
    for (let node = at; node >= 0; node = this.#parents[node] ?? -1) {
      steps.push(this.#step(this.#parents[node] ?? -1, this.#labels[node] ?? ''))
    }
    return steps.reverse()
  }

  #step(parent: number, label: Label): string {
    const holder = this.#nodes[parent]
    if (holder === undefined) return ''
    const named = this.#named.find(({ at }) => at === parent)
    if (named !== undefined) return `.<${named.type.name}>`
    const shape = shapeOf(holder)
    if (typeof shape === 'object' && shape.step !== undefined) return shape.step(holder, label)
    return pathStep(label)
  }
}

const HIDDEN: Flaw = { what: 'a property that is not enumerable', hint: 'make it a plain property' }
const ACCESSOR: Flaw = { what: 'a getter or setter', hint: 'store its value' }
const SPARSE: Flaw = { what: `an array with more than ${HOLES_MAX} holes`, hint: 'use a Map' }
const BESIDE: Flaw = { what: "a property beside an array's elements", hint: 'use an object' }
