import type { NamedType } from '../options.ts'
import { shapeOf } from './kinds.ts'
import { encodeNamed, type NamedTypes } from './named-types.ts'
import { flawOf, unsupported } from './refusal.ts'
import {
  NAMED_TAG,
  NULL_OBJECT_TAG,
  type Slot,
  SPECIAL,
  type TableNode,
  type TableWithBytes,
} from './table.ts'

/**
 * Writes a surveyed value as a table. Nothing recurses; an object that is met again is referred to. Throws
 * `unsupported_value` where a registered instance is part of what stands for itself: decoding it would need it.
 * Cost: one Map entry and one shallow copy an object.
 */
export function writeTable(value: unknown, types: NamedTypes): TableWithBytes {
  return new TableWriter(types).write(value)
}

/** An object of the graph on its way into the table. */
interface Entry {
  readonly value: object
  /** The slot of everyone who refers to it; its number is filled in once known. */
  readonly slot: [number]
  state: 'found' | 'open' | 'done'
  node: TableNode
  bytes: Uint8Array | undefined
  type: NamedType | undefined
  /** How many entries lay open below it when it was opened. */
  depth: number
  /** How many registered instances were open when it was opened, itself included. */
  namedOpen: number
  /** Of the entries below it, the lowest that it is known to lead back to. */
  backTo: Entry | undefined
}

const HOLE: Slot = [SPECIAL.hole]

/**
 * Depth first, numbering an object when all it refers to is numbered: the reader can then revive a registered
 * instance from finished parts in one pass. An entry lies on the stack once to be opened (or several times, if
 * found by several before that) and, while open, once to be numbered.
 */
class TableWriter {
  readonly #types: NamedTypes
  readonly #entries = new Map<object, Entry>()
  readonly #stack: Entry[] = []
  /** Those that are open: each holds the next. */
  readonly #path: Entry[] = []
  readonly #nodes: TableNode[] = []
  readonly #bytes: Uint8Array[] = []
  #namedOpen = 0
  readonly #slot = (member: unknown): Slot => this.#slotOf(member)

  constructor(types: NamedTypes) {
    this.#types = types
  }

  write(value: unknown): TableWithBytes {
    const root = this.#slotOf(value)
    for (let entry = this.#stack.pop(); entry !== undefined; entry = this.#stack.pop()) {
      if (entry.state === 'found') this.#open(entry)
      else if (entry.state === 'open') this.#number(entry)
    }
    return { table: [root, ...this.#nodes], bytes: this.#bytes }
  }

  #open(entry: Entry): void {
    entry.state = 'open'
    entry.depth = this.#path.push(entry)
    entry.namedOpen = this.#namedOpen
    this.#stack.push(entry)
    entry.node = this.#nodeOf(entry)
  }

  #number(entry: Entry): void {
    entry.state = 'done'
    entry.slot[0] = this.#nodes.push(entry.node)
    if (entry.bytes !== undefined) this.#bytes.push(entry.bytes)
    if (entry.type !== undefined) this.#namedOpen--
    this.#path.pop()
    if (entry.backTo !== undefined) this.#leadsBack(entry.backTo)
  }

  #nodeOf(entry: Entry): TableNode {
    const { value } = entry
    const shape = shapeOf(value)
    if (shape === 'object') return this.#properties(value)
    if (shape === 'array' && Array.isArray(value)) return [this.#elements(value)]
    if (shape === 'null-object') return [NULL_OBJECT_TAG, this.#properties(value)]
    if (typeof shape === 'object') {
      entry.bytes = shape.bytes?.(value)
      return [shape.tag, ...shape.write(value, this.#slot)]
    }
    return this.#namedNode(entry)
  }

  #namedNode(entry: Entry): TableNode {
    const type = this.#types.typeOf(entry.value)
    if (type === undefined) throw unsupported('value: inside it', flawOf(entry.value))
    entry.type = type
    entry.namedOpen = ++this.#namedOpen
    return [NAMED_TAG, type.name, this.#slotOf(encodeNamed(type, entry.value))]
  }

  #properties(value: object): Record<string, Slot> {
    // A spread defines properties, so an own `__proto__` is copied as one; assigning to it then is plain, too.
    // Until the loop has replaced them, some of the copy's members are no slots yet.
    const node: Record<string, Slot> = { ...value }
    for (const name of Object.keys(node)) {
      const member: unknown = node[name]
      const slot = this.#slotOf(member)
      if (slot !== member) node[name] = slot
    }
    return node
  }

  #elements(value: readonly unknown[]): Slot[] {
    const slots: Slot[] = []
    // Not by index: survey.ts says why.
    for (const element of value) {
      const isHole = element === undefined && !Object.hasOwn(value, slots.length)
      slots.push(isHole ? HOLE : this.#slotOf(element))
    }
    return slots
  }

  #slotOf(member: unknown): Slot {
    switch (typeof member) {
      case 'string':
      case 'boolean':
        return member
      case 'number':
        return numberSlot(member)
      case 'object':
        return member === null ? null : this.#reference(member)
      case 'undefined':
        return [SPECIAL.undefined]
      case 'bigint':
        // Hexadecimal: linear to write and to read, where decimal is not.
        return [member.toString(16)]
      default:
        throw unsupported('value: inside it', flawOf(member))
    }
  }

  #reference(member: object): Slot {
    const known = this.#entries.get(member)
    if (known === undefined) return this.#find(member)
    if (known.state === 'found') this.#stack.push(known)
    const back = openBehind(known)
    if (back !== undefined) this.#refuseNamedCycle(back)
    return known.slot
  }

  #find(member: object): Slot {
    const entry: Entry = {
      value: member,
      slot: [0],
      state: 'found',
      node: {},
      bytes: undefined,
      type: undefined,
      depth: 0,
      namedOpen: 0,
      backTo: undefined,
    }
    this.#entries.set(member, entry)
    this.#stack.push(entry)
    return entry.slot
  }

  /** The current entry leads to `back`, which holds it: is there a registered instance from the one to the other? */
  #refuseNamedCycle(back: Entry): void {
    const isBetween = (this.#path.at(-1)?.namedOpen ?? 0) > back.namedOpen
    if (back.type !== undefined || isBetween) {
      throw unsupported('value: inside it', {
        what: 'an instance of a registered type that is part of its own encoding',
        hint: 'let its encode leave the way back out',
      })
    }
    this.#leadsBack(back)
  }

  /** Notes on the current entry that it leads to one below it. */
  #leadsBack(back: Entry): void {
    const current = this.#path.at(-1)
    if (current === undefined || back.depth >= current.depth) return
    if (current.backTo === undefined || back.depth < current.backTo.depth) current.backTo = back
  }
}

/**
 * The open entry that one leads to: itself, or for a finished one what it leads back to (as in Tarjan's search for
 * strongly connected components: a finished part of an unfinished cycle). Shortens the way for the next who asks.
 */
function openBehind(entry: Entry): Entry | undefined {
  let back: Entry | undefined = entry
  while (back?.state === 'done') back = back.backTo
  if (back?.state !== 'open') back = undefined
  for (let at: Entry | undefined = entry; at?.state === 'done' && at.backTo !== back; ) {
    const next: Entry | undefined = at.backTo
    at.backTo = back
    at = next
  }
  return back
}

function numberSlot(value: number): Slot {
  if (Number.isFinite(value)) return Object.is(value, -0) ? [SPECIAL.minusZero] : value
  if (Number.isNaN(value)) return [SPECIAL.nan]
  return [value > 0 ? SPECIAL.infinity : SPECIAL.minusInfinity]
}
