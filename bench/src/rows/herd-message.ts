/** How long the loader of a herd's key takes. */
export const HERD_LOAD_MS = 50

/** What a node is told to do. */
export interface HerdOrder {
  readonly contender: string
  readonly url: string
  readonly key: string
  readonly callers: number
}

/** How it went, for the callers of one node. */
export interface HerdAnswer {
  readonly loads: number
  readonly waitedMs: readonly number[]
}

export function isHerdAnswer(message: unknown): message is HerdAnswer {
  return typeof message === 'object' && message !== null && 'loads' in message && 'waitedMs' in message
}

export function isHerdOrder(message: unknown): message is HerdOrder {
  return typeof message === 'object' && message !== null && 'contender' in message && 'callers' in message
}
