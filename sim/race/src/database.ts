import type { TagStyle } from './workload.ts'

/** What a loader answers: enough to tell whose value it is, and how old. */
export interface Row {
  readonly key: string
  readonly version: number
  readonly tags: readonly string[]
}

// Tags that a key goes through as its version rises: hardly a load finds one that its process has captured.
const DERIVED_TAGS = 64

/** The source of truth: one version counter a key, in memory that threads share. */
export class Database {
  readonly memory: SharedArrayBuffer
  readonly #versions: Int32Array
  readonly #style: TagStyle

  constructor(memory: SharedArrayBuffer, style: TagStyle) {
    this.memory = memory
    this.#versions = new Int32Array(memory)
    this.#style = style
  }

  /** The memory of a database of that many keys, all at version 1. */
  static memoryOf(keys: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(keys * Int32Array.BYTES_PER_ELEMENT)
    new Int32Array(memory).fill(1)
    return memory
  }

  /** Numbers of all keys. */
  get keys(): readonly number[] {
    return Array.from(this.#versions.keys())
  }

  name(key: number): string {
    return `row-${key}`
  }

  read(key: number): Row {
    const version = Atomics.load(this.#versions, key)
    return { key: this.name(key), version, tags: this.tags(key, version) }
  }

  /** Raises the version, and answers it. */
  commit(key: number): number {
    return Atomics.add(this.#versions, key, 1) + 1
  }

  /** Tags that entries of this key carry: one shared by every second key, one of its own. */
  tags(key: number, version: number): readonly string[] {
    if (this.#style === 'none') return []
    const own = this.#style === 'given' ? '' : `-${version % DERIVED_TAGS}`
    return [half(key), `own-${key}${own}`]
  }

  /** The keys that carry the tag that this key shares. */
  sharers(key: number): readonly number[] {
    return this.keys.filter((other) => half(other) === half(key))
  }
}

function half(key: number): string {
  return `half-${key % 2}`
}
