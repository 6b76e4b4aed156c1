import { CacheError, show } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import type { Kind } from './kind.ts'
import { kindByTag } from './kinds.ts'
import { decodeNamed, type NamedTypes } from './named-types.ts'
import { NAMED_TAG, NULL_OBJECT_TAG, SPECIAL } from './table.ts'
import type { WorkLimit } from './work-limit.ts'

/**
 * Revives a table, whose objects become the value's own. Nothing about it is taken for granted but that its parts
 * come from JSON. Throws `decode_failed`, or what the constructor of a built-in class throws at strange parts.
 * Only known kinds and registered types are made; objects come from JSON.parse, arrays are as long as their text.
 * Cost: linear in the table, no recursion; `limit` sees to that where a stranger may have written it.
 */
export function readTable(
  table: readonly unknown[],
  bytes: ByteSource,
  types: NamedTypes,
  limit?: WorkLimit,
): unknown {
  return new TableReader(table, bytes, types, limit).read()
}

/** A node that is made but has no members yet. */
interface Shell {
  value: object | undefined
  fill(): void
}

const NOTHING_TO_FILL = (): void => undefined

class TableReader {
  readonly #table: readonly unknown[]
  readonly #bytes: ByteSource
  readonly #types: NamedTypes
  readonly #limit: WorkLimit | undefined
  readonly #shells: Shell[] = []
  /** A copy, since the source's bytes may lie in a socket's buffer. */
  readonly #take = (byteLength: unknown): Uint8Array<ArrayBuffer> =>
    new Uint8Array(this.#bytes.next(byteLength))
  readonly #member = (slot: unknown): unknown => {
    this.#limit?.spend(1)
    return this.#read(slot)
  }

  constructor(table: readonly unknown[], bytes: ByteSource, types: NamedTypes, limit: WorkLimit | undefined) {
    this.#limit = limit
    this.#table = table
    this.#bytes = bytes
    this.#types = types
  }

  read(): unknown {
    for (let at = 1; at < this.#table.length; at++) this.#shells.push(this.#shellOf(this.#table[at]))
    if (!this.#bytes.isSpent) throw malformed('bytes that no node speaks of')
    for (const shell of this.#shells) shell.fill()
    return this.#read(this.#table[0])
  }

  #shellOf(node: unknown): Shell {
    if (!isObject(node)) throw malformed(`the node ${show(node)}`)
    if (!Array.isArray(node)) return { value: node, fill: () => this.#fillProperties(node) }
    const [tag, first]: readonly unknown[] = node
    if (Array.isArray(tag)) return { value: tag, fill: () => this.#fillElements(tag) }
    if (tag === NULL_OBJECT_TAG && isObject(first) && !Array.isArray(first)) {
      return { value: Object.setPrototypeOf(first, null), fill: () => this.#fillProperties(first) }
    }
    if (tag === NAMED_TAG) return this.#namedShell(node)
    const kind = typeof tag === 'string' ? kindByTag(tag) : undefined
    if (kind === undefined) throw malformed(`the tag ${show(tag)}`)
    return this.#instanceShell(kind, node.slice(1))
  }

  #instanceShell(kind: Kind, parts: readonly unknown[]): Shell {
    this.#limit?.spend(kind.cost?.(parts) ?? 0)
    const value = kind.create(parts, this.#take)
    if (kind.fill === undefined) return { value, fill: NOTHING_TO_FILL }
    return { value, fill: () => kind.fill?.(value, parts, this.#member) }
  }

  /** An instance is made when its turn comes: by then the parts it is made of are complete. */
  #namedShell([, name, slot]: readonly unknown[]): Shell {
    const shell: Shell = {
      value: undefined,
      fill: () => {
        shell.value = decodeNamed(this.#types, name, this.#read(slot))
      },
    }
    return shell
  }

  #fillProperties(made: Record<string, unknown>): void {
    // Assigning only to names that it has of its own: `__proto__` is such a name or does not occur.
    for (const name of Object.keys(made)) {
      const slot = made[name]
      if (typeof slot === 'object' && slot !== null) made[name] = this.#read(slot)
    }
  }

  #fillElements(made: unknown[]): void {
    let i = -1
    // Not by index: survey.ts says why.
    for (const slot of made) {
      i++
      if (typeof slot !== 'object' || slot === null) continue
      if (Array.isArray(slot) && slot.length === 1 && slot[0] === SPECIAL.hole) delete made[i]
      else made[i] = this.#read(slot)
    }
  }

  #read(slot: unknown): unknown {
    if (typeof slot !== 'object' || slot === null) return slot
    if (!Array.isArray(slot) || slot.length !== 1) throw malformed(`the slot ${show(slot)}`)
    const [code]: readonly unknown[] = slot
    if (typeof code === 'string') return bigintOf(code)
    if (typeof code !== 'number') throw malformed(`the slot [${show(code)}]`)
    if (code < 0) return specialOf(code)
    const value = this.#shells[code - 1]?.value
    if (value === undefined) throw malformed(`the reference [${code}]`)
    return value
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function bigintOf(text: string): bigint {
  if (!/^-?[0-9a-f]+$/.test(text)) throw malformed(`the bigint ${show(text)}`)
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`)
}

function specialOf(code: number): unknown {
  switch (code) {
    case SPECIAL.undefined:
      return undefined
    case SPECIAL.nan:
      return Number.NaN
    case SPECIAL.infinity:
      return Number.POSITIVE_INFINITY
    case SPECIAL.minusInfinity:
      return Number.NEGATIVE_INFINITY
    case SPECIAL.minusZero:
      return -0
    default:
      throw malformed(`the code [${code}]`)
  }
}

function malformed(what: string): CacheError {
  return new CacheError('decode_failed', `not a table of ours: ${what}`)
}
