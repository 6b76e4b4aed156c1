import type { AppAnswer, Order } from './app-contract.ts'
import type { DatabaseAnswer, DatabaseRequest } from './database.ts'
import type { Progress } from './tally.ts'
import type { WindowFile } from './window-recorder.ts'

/** From the parent to a process. */
export type ToApp =
  | { readonly kind: 'order'; readonly id: number; readonly order: Order }
  | { readonly kind: 'database'; readonly answers: readonly DatabaseAnswer[] }

/** From a process to the parent. */
export type FromApp =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: AppAnswer }
  | { readonly kind: 'failed'; readonly id: number; readonly error: string }
  | { readonly kind: 'query'; readonly requests: readonly DatabaseRequest[] }
  | { readonly kind: 'window'; readonly file: WindowFile; readonly progress: Progress }

/** Nobody else writes to these channels. */
export function isToApp(message: unknown): message is ToApp {
  return hasKind(message)
}

export function isFromApp(message: unknown): message is FromApp {
  return hasKind(message)
}

function hasKind(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message
}
