import { durationMs } from './duration.ts'
import { CacheError, invalidArgument, show } from './errors.ts'
import { checkName } from './keys.ts'
import type { EntryOptions, StandardSchema } from './options.ts'

/** The options of one call, checked and in milliseconds; frozen, and shared by all calls that say nothing. */
export interface Policy {
  readonly ttlMs: number
  /** Shorter than ttlMs where the tiers differ. */
  readonly l1TtlMs: number
  readonly swrMs: number
  readonly staleIfErrorMs: number
  /** Zero: null lives as long as any value. */
  readonly negativeTtlMs: number
  readonly jitter: number
  readonly earlyRefresh: number
  /** Infinity: off. */
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  /** Known before the load. */
  readonly tags: readonly string[]
  /** Known after it. */
  readonly deriveTags: ((value: never) => readonly string[]) | undefined
  readonly signal: AbortSignal | undefined
  readonly strong: boolean
  readonly validate: StandardSchema | undefined
}

/** Most tags of one entry: each is read with every L2 hit. */
export const ENTRY_TAGS_MAX = 64
// A load holds its lease by renewals; beyond a minute it is a job, not a load.
const HARD_TIMEOUT_MS_MAX = 60_000

const DEFAULT_POLICY: Policy = Object.freeze({
  ttlMs: 300_000,
  l1TtlMs: 300_000,
  swrMs: 0,
  staleIfErrorMs: 0,
  negativeTtlMs: 0,
  jitter: 0.1,
  earlyRefresh: 0,
  softTimeoutMs: Number.POSITIVE_INFINITY,
  hardTimeoutMs: HARD_TIMEOUT_MS_MAX,
  tags: Object.freeze([]),
  deriveTags: undefined,
  signal: undefined,
  strong: false,
  validate: undefined,
})

const ENTRY_OPTION_NAMES = [
  'ttl',
  'swr',
  'staleIfError',
  'negativeTtl',
  'jitter',
  'earlyRefresh',
  'softTimeout',
  'hardTimeout',
  'tags',
  'signal',
  'consistency',
  'validate',
] as const

/** Says where an option belongs that is one of calls, and not of createCache. */
export function optionOfCalls(name: string): string | undefined {
  const isKnown = ENTRY_OPTION_NAMES.some((known) => known === name) || name === 'version'
  return isKnown ? `${name} is an option of a call` : undefined
}

/** The policy of a cache from its options; unknown names are the caller's to refuse (they differ by door). */
export function defaultPolicy<T>(options: EntryOptions<T>): Policy {
  return overlay(DEFAULT_POLICY, options)
}

/** The policy of a call: `base` where nothing is said. Throws `invalid_argument` naming the option. */
export function resolvePolicy<T>(base: Policy, options: EntryOptions<T> | undefined): Policy {
  if (options === undefined) return base
  checkNames('options', options, ENTRY_OPTION_NAMES)
  return overlay(base, options)
}

function overlay<T>(base: Policy, options: EntryOptions<T>): Policy {
  const ttl = options.ttl
  const tiered = typeof ttl === 'object' && ttl !== null
  if (tiered) checkNames('ttl', ttl, ['l1', 'l2'])
  const ttlMs = ttl === undefined ? base.ttlMs : durationMs(tiered ? 'ttl.l2' : 'ttl', tiered ? ttl.l2 : ttl)
  const hardTimeoutMs =
    options.hardTimeout === undefined ? base.hardTimeoutMs : durationMs('hardTimeout', options.hardTimeout)
  if (hardTimeoutMs > HARD_TIMEOUT_MS_MAX)
    throw invalidArgument('hardTimeout', 'at most 60s', options.hardTimeout)
  const derived = typeof options.tags === 'function' ? options.tags : undefined
  return Object.freeze({
    ttlMs,
    l1TtlMs: ttl === undefined ? base.l1TtlMs : tiered ? durationMs('ttl.l1', ttl.l1) : ttlMs,
    swrMs: optionalMs('swr', options.swr, base.swrMs, 0),
    staleIfErrorMs: optionalMs('staleIfError', options.staleIfError, base.staleIfErrorMs, 0),
    negativeTtlMs: optionalMs('negativeTtl', options.negativeTtl, base.negativeTtlMs, 0),
    jitter: fraction(options.jitter, base.jitter),
    earlyRefresh: beta(options.earlyRefresh, base.earlyRefresh),
    softTimeoutMs: optionalMs(
      'softTimeout',
      options.softTimeout,
      base.softTimeoutMs,
      Number.POSITIVE_INFINITY,
    ),
    hardTimeoutMs,
    tags: options.tags === undefined || derived !== undefined ? base.tags : checkTagsOption(options.tags),
    deriveTags: options.tags === undefined ? base.deriveTags : derived,
    signal: checkSignal(options.signal),
    strong: checkConsistency(options.consistency),
    validate: checkSchema(options.validate) ?? base.validate,
  })
}

function optionalMs(name: string, value: unknown, base: number, off: number): number {
  if (value === undefined) return base
  return value === false ? off : durationMs(name, value, ', or false')
}

function fraction(value: unknown, base: number): number {
  if (value === undefined) return base
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw invalidArgument('jitter', 'a number from 0 to 1', value)
}

function beta(value: unknown, base: number): number {
  if (value === undefined) return base
  if (typeof value === 'number' && value >= 0 && value <= 100) return value
  throw invalidArgument('earlyRefresh', 'a number from 0 (off) to 100; 1 is the usual choice', value)
}

function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw invalidArgument('signal', 'an AbortSignal', signal)
}

function checkConsistency(value: unknown): boolean {
  if (value === undefined || value === 'strong') return value !== undefined
  throw invalidArgument('consistency', "'strong', or nothing", value)
}

function checkSchema(schema: StandardSchema | undefined): StandardSchema | undefined {
  const standard = schema?.['~standard']
  if (schema === undefined || (standard?.version === 1 && typeof standard.validate === 'function'))
    return schema
  throw invalidArgument('validate', 'a Standard Schema of version 1 (zod, valibot, arktype, …)', schema)
}

function checkTagsOption(tags: unknown): readonly string[] {
  if (Array.isArray(tags)) return checkTags(tags)
  throw invalidArgument('tags', 'an array of strings, or a function of the value', tags)
}

/** Checked, without duplicates. Throws `invalid_argument` naming the tag's place. */
export function checkTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags)) throw invalidArgument('tags', 'an array of strings', tags)
  const unique = new Set<string>()
  for (let i = 0; i < tags.length; i++) unique.add(checkName(`tags[${i}]`, tags[i]))
  if (unique.size > ENTRY_TAGS_MAX) {
    throw invalidArgument('tags', `at most ${ENTRY_TAGS_MAX} different tags`, tags)
  }
  return [...unique]
}

/**
 * Refuses anything but an object with known names; suggests the name that was probably meant, or says of a name that is
 * known `elsewhere` where that is.
 */
export function checkNames(
  argument: string,
  options: object,
  known: readonly string[],
  elsewhere?: (name: string) => string | undefined,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgument(argument, 'an object', options)
  }
  const names = Object.keys(options)
  // A Map, a Promise or a signal says nothing by names: whoever passes one means something that would be lost.
  if (names.length === 0 && !isNamed(options)) throw invalidArgument(argument, 'an object', options)
  for (const name of names) {
    if (known.includes(name)) continue
    const meant = known.find((candidate) => isNear(name.toLowerCase(), candidate.toLowerCase()))
    const hint =
      elsewhere?.(name) ?? (meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`)
    throw new CacheError('invalid_argument', `${argument}: unknown option ${show(name)}; ${hint}`)
  }
}

/** Whether an object is one by its names: a literal, or an instance of a class of the user's. */
function isNamed(options: object): boolean {
  return Object.prototype.toString.call(options) === '[object Object]'
}

/** Whether one edit (or a shared start of 4 letters) turns `a` into `b`. */
function isNear(a: string, b: string): boolean {
  if (a.length >= 4 && b.length >= 4 && (a.startsWith(b) || b.startsWith(a))) return true
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const swapped = a[start] === b[start + 1] && a[start + 1] === b[start]
  return Math.max(a.length, b.length) - start - end <= (swapped ? 2 : 1)
}
