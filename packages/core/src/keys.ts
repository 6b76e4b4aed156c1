import { CacheError, invalidArgument, show } from './errors.ts'

/** A part of a tuple key. Objects are compared by content: key order and undefined properties do not matter. */
export type KeyPart =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | readonly KeyPart[]
  | { readonly [name: string]: KeyPart | undefined }

/**
 * A key: text, or a tuple of parts, e.g. `['user', 42]`, of at most 8,192 bytes. No two different keys ever share an entry. Empty text is refused,
 * because it is what a missing variable leaves; whoever means it has the key `['']`. Text is taken as it is: composed and
 * decomposed accents (NFC, NFD) are different keys.
 */
export type CacheKey = string | readonly [KeyPart, ...KeyPart[]]

/** Longest encoded key. Longer ones are a mistake (a body used as a key), and would cost every command. */
const KEY_BYTES_MAX = 8192
/** Longest tag or namespace name. */
const NAME_CHARS_MAX = 512
// Deepest nesting in a key part.
const PART_DEPTH_MAX = 16

/**
 * The one text of a key. Text stands for itself, except that a first character `[`, `\` or NUL is escaped, so that
 * tuples (which begin with `[`) and inner namespaces (which begin with NUL) never meet it. Canonical equivalence of
 * Unicode is not applied: NFC and NFD are different keys.
 */
export function encodeKey(key: unknown): string {
  if (typeof key === 'string') {
    checkText('key', key)
    // UTF-16 units bound UTF-8 bytes by 3: the exact count is taken only where it could matter.
    if (key.length > KEY_BYTES_MAX / 3 && Buffer.byteLength(key) > KEY_BYTES_MAX) throw tooLong(key)
    const first = key.charCodeAt(0)
    return first === 0x5b || first === 0x5c || first === 0 ? `\\${key}` : key
  }
  if (!Array.isArray(key) || key.length === 0)
    throw invalidArgument('key', 'a non-empty string or tuple of parts', key)
  const text = encodePart(key, 'key', 0)
  if (Buffer.byteLength(text) > KEY_BYTES_MAX) throw tooLong(text)
  return text
}

function tooLong(text: string): CacheError {
  return new CacheError(
    'invalid_argument',
    `key: expected at most ${KEY_BYTES_MAX} bytes, got ${Buffer.byteLength(text)}: ${show(text)}`,
  )
}

function encodePart(part: unknown, path: string, depth: number): string {
  if (depth > PART_DEPTH_MAX)
    throw invalidArgument(path, `at most ${PART_DEPTH_MAX} levels of nesting (is it cyclic?)`, part)
  if (typeof part === 'string') return encodeText(part, path)
  if (typeof part === 'number' && Number.isFinite(part)) return String(part)
  if (typeof part === 'boolean' || part === null) return String(part)
  if (typeof part === 'bigint') return `${part}n`
  if (typeof part === 'object') return encodeObject(part, path, depth)
  throw invalidArgument(
    path,
    'a string, finite number, bigint, boolean, null, Date, array or plain object',
    part,
  )
}

function encodeText(text: string, path: string): string {
  if (!text.isWellFormed()) throw invalidArgument(path, 'well-formed Unicode (no lone surrogates)', text)
  return JSON.stringify(text)
}

function encodeObject(part: object, path: string, depth: number): string {
  if (Array.isArray(part)) {
    return `[${Array.from(part, (inner, i) => encodePart(inner, `${path}[${i}]`, depth + 1)).join(',')}]`
  }
  if (part instanceof Date && !Number.isNaN(part.getTime())) return `@${part.toISOString()}`
  const proto: unknown = Object.getPrototypeOf(part)
  if (proto !== Object.prototype && proto !== null)
    throw invalidArgument(path, 'a plain object, array or valid Date', part)
  const fields: string[] = []
  for (const name of Object.keys(part).sort()) {
    const inner: unknown = Reflect.get(part, name)
    if (inner !== undefined)
      fields.push(`${encodeText(name, path)}:${encodePart(inner, `${path}[${show(name)}]`, depth + 1)}`)
  }
  return `{${fields.join(',')}}`
}

/** Checks a tag or a namespace: non-empty, well-formed, of bounded length. */
export function checkName(argument: string, name: unknown): string {
  checkText(argument, name)
  if (name.length > NAME_CHARS_MAX)
    throw invalidArgument(argument, `at most ${NAME_CHARS_MAX} characters`, name)
  return name
}

function checkText(argument: string, text: unknown): asserts text is string {
  if (typeof text !== 'string' || text === '') throw invalidArgument(argument, 'a non-empty string', text)
  if (!text.isWellFormed()) throw invalidArgument(argument, 'well-formed Unicode (no lone surrogates)', text)
}
