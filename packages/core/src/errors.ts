import { withoutPasswords } from './without-passwords.ts'

/** Every code an error of Holdfast can carry. A code is stable; a message is not. */
export type CacheErrorCode =
  | 'invalid_argument' // a programmer's mistake: the message names argument, expected and got
  | 'unsupported_value' // a value that no tier can keep as it is: the message names its path
  | 'value_too_large' // the encoded value is above maxValueBytes, or the server's own bound; without L2 above l1.maxBytes
  | 'l1_full' // policy 'none' and no room left: thrown by set, never by a load
  | 'closed' // the cache was used after close()
  | 'aborted' // the caller's own signal fired; `cause` is its reason
  | 'loader_timeout' // the loader outlived hardTimeout and no stale value was allowed
  | 'overloaded' // a bound was reached: of loads (maxConcurrentLoads), or of what waits to be sent to the shared tier
  | 'invalid_load' // a loader answered what its contract forbids (a validation failed, a bulk answer misses its form)
  | 'l2_unavailable' // the shared tier cannot be reached now
  | 'l2_timeout' // the shared tier did not answer in time; the outcome is unknown
  | 'l2_part_away' // the one of several servers that keeps this key is away, or owed an invalidation; the others are used
  | 'l2_error' // the shared tier answered with an error
  | 'l2_unsupported' // the server is too old, a cluster, or lacks what was asked for
  | 'bus_unavailable' // the bus (L1 mode 'bus') cannot be reached now, or did not answer in time
  | 'not_applied' // an invalidation or write that had to reach the shared tier did not
  | 'decode_failed' // bytes that are no value of ours; on reads this is a miss, never thrown at the caller

/** What an error can say beyond its message. */
export interface CacheErrorDetails {
  readonly key?: string
  readonly tier?: 'l1' | 'l2'
  readonly retryable?: boolean
  readonly cause?: unknown
}

/** The one family of errors. Loader errors are not wrapped: they reach every waiter as themselves. */
export class CacheError extends Error {
  override readonly name = 'CacheError'
  readonly code: CacheErrorCode
  readonly key: string | undefined
  readonly tier: 'l1' | 'l2' | undefined
  /** Whether the same call may succeed later without a change of its arguments. */
  readonly retryable: boolean

  constructor(code: CacheErrorCode, message: string, details: CacheErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.key = details.key
    this.tier = details.tier
    this.retryable = details.retryable ?? false
  }
}

// Longest piece of a foreign value that a message repeats.
const SHOWN_CHARS_MAX = 60

/**
 * A value as one short, printable line for a message: control characters escaped, long text cut, no password of a URL.
 * Never throws.
 */
export function show(value: unknown): string {
  try {
    return shown(value)
  } catch {
    // A Proxy, or a getter of its own.
    return 'something that throws when it is looked at'
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'bigint') return bare(`${value}n`)
  if (typeof value === 'function') return `function ${bare(value.name) || '(anonymous)'}`
  if (typeof value === 'symbol') return bare(value.toString())
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  const maker: unknown = Reflect.get(value, 'constructor')
  if (typeof maker !== 'function' || maker.name === 'Object') return 'an object'
  return `${/^[aeio]/i.test(maker.name) ? 'an' : 'a'} ${bare(maker.name)}`
}

/** What an error says of itself, as one short, printable line. Never throws. */
export function showError(error: unknown): string {
  try {
    return show(error instanceof Error ? error.message : error)
  } catch {
    return show(error)
  }
}

function quoted(text: string): string {
  // First: cut off before its "@", a password would not be known as one.
  const safe = withoutPasswords(text)
  const cut = safe.length > SHOWN_CHARS_MAX ? `${safe.slice(0, SHOWN_CHARS_MAX)}…` : safe
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Names that a program gives (of a class, a symbol) are shown without quotes, but are no safer. */
function bare(text: string): string {
  return quoted(text).slice(1, -1)
}

/** The error of a programmer's mistake. */
export function invalidArgument(argument: string, expected: string, got: unknown): CacheError {
  return new CacheError('invalid_argument', `${argument}: expected ${expected}, got ${show(got)}`)
}

/** As `invalidArgument`, for a place where a password may have been put: nothing of a text is repeated. */
export function invalidUnquoted(argument: string, expected: string, got: unknown): CacheError {
  const what = typeof got === 'string' ? 'text' : show(got)
  return new CacheError('invalid_argument', `${argument}: expected ${expected}, got ${what}`)
}
