/** What a server holds, by its own account. */
export interface Held {
  readonly entries: number
  /** What they take of its memory, with what is lost to the sizes that it allocates in. */
  readonly memoryBytes: number
  /** The part of it that is each entry's own. */
  readonly itemBytes: number
  /** What it remembers beside them, to tell processes of changes; and has forgotten by this look. */
  readonly tellingBytes: number
}

/** A server of a row's own that tells what its entries take. */
export interface MeteredServer extends AsyncDisposable {
  readonly url: string
  /** Stores a text as one does without a library. */
  set(key: string, text: string): Promise<void>
  /** Throws where it has lost entries for want of memory. */
  held(): Promise<Held>
}
