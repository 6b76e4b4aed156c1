import { CacheError } from '../errors.ts'

/** How a call ended, as plain data: its value, its error's code or message, or that it is still under way. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown } | 'pending'

/** Watches a call: `outcome()` says how it stands now. The call's rejection is taken care of. */
export function watched(call: Promise<unknown>): () => Outcome {
  let outcome: Outcome = 'pending'
  call.then(
    (value) => {
      outcome = { value }
    },
    (error: unknown) => {
      outcome = { error: describeError(error) }
    },
  )
  return () => outcome
}

/** The error that a call must end with, as it is. */
export async function errorOf(call: Promise<unknown>): Promise<unknown> {
  const ended = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('error' in ended) return ended.error
  throw new Error(`expected an error, got the value ${JSON.stringify(ended.value)}`)
}

/** The code of the CacheError that a call must end with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await errorOf(call)
  if (error instanceof CacheError) return error.code
  throw error
}

function describeError(error: unknown): unknown {
  if (error instanceof CacheError) return error.code
  return error instanceof Error ? error.message : error
}
