import { RespProtocolError } from './resp-protocol-error.ts'
import { BIG_NUMBER, BOOLEAN, BULK, BULK_ERROR, DOUBLE, ERROR, NULL, SIMPLE } from './resp-type.ts'
import { RespError, type RespValue } from './resp-value.ts'

const COLON = 0x3a
const DOUBLE_TEXT = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const NAMED_DOUBLES: Readonly<Record<string, number>> = {
  inf: Infinity,
  '+inf': Infinity,
  '-inf': -Infinity,
  nan: NaN,
  '-nan': NaN,
}

/** The value of a line, without its type and its end. */
export function lineValue(type: number, text: string): RespValue {
  if (type === SIMPLE) return text
  if (type === ERROR) return new RespError(text)
  if (type === NULL && text === '') return null
  if (type === BOOLEAN && (text === 't' || text === 'f')) return text === 't'
  if (type === DOUBLE && DOUBLE_TEXT.test(text)) return Number(text)
  if (type === DOUBLE && Object.hasOwn(NAMED_DOUBLES, text)) return NAMED_DOUBLES[text] ?? NaN
  if (type === BIG_NUMBER && /^[+-]?\d+$/.test(text)) return BigInt(text.replace('+', ''))
  throw new RespProtocolError(`a malformed value of type ${String.fromCharCode(type)}`)
}

/** The value of a bulk string, an error or a text of that form. */
export function bulkValue(type: number, bulk: Buffer): RespValue {
  if (type === BULK) return bulk
  if (type === BULK_ERROR) return new RespError(bulk.toString())
  // Three characters of format and a colon come first, as in `txt:`.
  if (bulk[3] !== COLON) throw new RespProtocolError('a verbatim string without its format')
  return bulk.toString('utf8', 4)
}

/** An integer of more digits than a double holds. */
export function longInteger(digits: string): number | bigint {
  const value = BigInt(digits)
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

/** A map of its keys and values in turn. */
export function mapValue(items: readonly RespValue[]): Map<RespValue, RespValue> {
  const map = new Map<RespValue, RespValue>()
  for (let i = 0; i + 1 < items.length; i += 2) {
    const key = items[i] ?? null
    map.set(Buffer.isBuffer(key) ? key.toString('latin1') : key, items[i + 1] ?? null)
  }
  return map
}

/** A value whose bytes are its own. Recurses as deep as it is nested. */
export function ownedValue(value: RespValue): RespValue {
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(ownedValue)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, ownedValue(item)]))
  return value
}
