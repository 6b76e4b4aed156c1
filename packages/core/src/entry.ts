/**
 * The bytes of a stored entry: a 48-byte header, then tags, then payload. Specified in docs/wire/entry.md.
 *
 *   0  magic 'H'        1  format (1)      2  flags            3  codec
 *   4  id, 8 bytes      12 key check, 8 bytes                  20 created, u48 ms of server time
 *   26 ttl, u40 ms      31 keep, u40 ms    36 load, u24 ms     39 [version, i64, if flagged]
 *   39 [key, if flagged: varint(its bytes * 2 + is UTF-16), then the bytes, in UTF-8 if it has a form there]
 *   39 namespace token, 8 bytes            47 number of tags, varint
 *      per tag: varint(name bytes * 2 + has soft part), name in UTF-8, 8 or 16 bytes of token
 */
import type { Token } from './clock.ts'
import { keyCheck } from './key-check.ts'

/**
 * The current token of a tag: 8 characters (hard), or 16 (hard, then soft) once the tag was expired softly.
 * Hard parts differ, or the tag is missing: the entry is absent. Only soft parts differ: it is stale.
 */
export type TagToken = string

/** A tag as an entry carries it: its name and the token captured before the entry's load. */
export interface Tag {
  readonly name: string
  readonly token: TagToken
}

/** A value on its way into the store. The store stamps times by its server's clock. */
export interface NewEntry {
  /** Unique per stored value: equal ids mean equal values. */
  readonly id: Token
  readonly payload: Uint8Array
  /** How the payload is written; see codec/. 0..255 */
  readonly codec: number
  /** ENTRY_FLAG_* bits. */
  readonly flags: number
  /** Fresh for this long from now. */
  readonly ttlMs: number
  /** Physically kept for this long from now; at least ttlMs. */
  readonly keepMs: number
  /** How long the load took; drives early refresh. */
  readonly loadMs: number
  /** A versioned put stores only over an existing entry of a lower version, or of none. */
  readonly version?: bigint
  readonly namespaceToken: Token
  readonly tags: readonly Tag[]
}

/** What an entry has to know of the name that its store keeps it under. */
export interface EntryName {
  /** The name is a hash: it does not tell whose entry this is, and the entry carries its key whole. */
  readonly isHashed: boolean
}

/** A value as the store found it. Durations count from the moment its reply was processed. */
export interface StoredEntry {
  readonly readable: true
  readonly id: Token
  readonly payload: Uint8Array
  readonly codec: number
  readonly flags: number
  readonly ageMs: number
  /** Time left until it is stale; zero or less: it is stale. */
  readonly freshMs: number
  /** Time left until the store forgets it. */
  readonly keepMs: number
  readonly loadMs: number
  readonly version: bigint | undefined
  /** The server's clock when its reply was processed. */
  readonly readAtMs: number
  readonly namespaceToken: Token
  readonly tags: readonly Tag[]
  /** Begins with `id`, and may have more behind it: handed back to `acquire` to say "this one I know". */
  readonly seen: string
}

/** Bytes that are no entry of this key: a miss that the next fill overwrites. */
export interface UnreadableEntry {
  readonly readable: false
  readonly reason: string
  /** It was not looked at: another process stores larger values than this one reads. */
  readonly isTooLarge?: true
  /** What stands where an id would, as latin1: handed back to `acquire` to say "this one I know". */
  readonly seen: string
}

const MAGIC = 0x48
const FORMAT = 1
const ID_AT = 4
const CHECK_AT = 12
const VERSION_AT = 39
const TOKEN_BYTES = 8
const U24_MAX = 0xff_ff_ff
// 2^40 ms is 34 years: a longer life is kept as that.
const U40_MAX = 2 ** 40 - 1

/** The value was expired by hand (`expire`): it is stale however young. */
export const ENTRY_FLAG_STALE = 1
/** The value is a null kept for negativeTtl. */
export const ENTRY_FLAG_NEGATIVE = 2
/** A version follows the fixed part. Set by the encoder. */
const FLAG_VERSION = 4
/** The key follows, whole. Set by the encoder. */
const FLAG_KEY = 8

/** As most stores name all that they keep. */
const WHOLE_NAME: EntryName = { isHashed: false }

/** The part of a tag token whose change means absent; the rest only means stale. */
export function hardPart(token: TagToken): Token {
  return token.length === TOKEN_BYTES ? token : token.slice(0, TOKEN_BYTES)
}

/** An entry's header without namespace token, tags and payload: what a server-side script completes. */
export function encodeEntryHead(
  entry: Omit<NewEntry, 'namespaceToken' | 'tags'>,
  key: string,
  serverNowMs: number,
  name: EntryName = WHOLE_NAME,
): Buffer {
  const versioned = entry.version !== undefined
  const carried = name.isHashed ? carriedKey(key) : undefined
  const keyAt = VERSION_AT + (versioned ? 8 : 0)
  const head = Buffer.allocUnsafe(keyAt + (carried?.length ?? 0))
  head[0] = MAGIC
  head[1] = FORMAT
  head[2] = entry.flags | (versioned ? FLAG_VERSION : 0) | (carried === undefined ? 0 : FLAG_KEY)
  head[3] = entry.codec
  head.write(entry.id, ID_AT, TOKEN_BYTES, 'latin1')
  const [first, second] = keyCheck(key, head, ID_AT)
  head.writeUInt32LE(first, CHECK_AT)
  head.writeUInt32LE(second, CHECK_AT + 4)
  head.writeUIntBE(Math.max(0, Math.floor(serverNowMs)), 20, 6)
  head.writeUIntBE(Math.min(U40_MAX, Math.ceil(entry.ttlMs)), 26, 5)
  head.writeUIntBE(Math.min(U40_MAX, Math.ceil(entry.keepMs)), 31, 5)
  head.writeUIntBE(Math.min(U24_MAX, Math.ceil(entry.loadMs)), 36, 3)
  if (entry.version !== undefined) head.writeBigInt64BE(entry.version, VERSION_AT)
  if (carried !== undefined) head.set(carried, keyAt)
  return head
}

/** The namespace token and tags, as they follow the head. */
function encodeTail(namespaceToken: Token, tags: readonly Tag[]): Buffer {
  let bytes = TOKEN_BYTES + varintBytes(tags.length)
  for (const tag of tags) bytes += tagBytes(tag)
  const tail = Buffer.allocUnsafe(bytes)
  let at = tail.write(namespaceToken, 0, TOKEN_BYTES, 'latin1')
  at = writeVarint(tail, at, tags.length)
  for (const tag of tags) {
    const nameBytes = Buffer.byteLength(tag.name)
    at = writeVarint(tail, at, nameBytes * 2 + (tag.token.length > TOKEN_BYTES ? 1 : 0))
    at += tail.write(tag.name, at, 'utf8')
    at += tail.write(tag.token, at, 'latin1')
  }
  return tail
}

/** Header, tags and payload as one buffer. Cost: one copy of the payload. */
export function encodeEntry(
  entry: NewEntry,
  key: string,
  serverNowMs: number,
  name: EntryName = WHOLE_NAME,
): Buffer {
  return Buffer.concat([
    encodeEntryHead(entry, key, serverNowMs, name),
    encodeTail(entry.namespaceToken, entry.tags),
    entry.payload,
  ])
}

export type DecodedEntry = StoredEntry | UnreadableEntry

/**
 * Reads what a store holds under `key`. Never throws: foreign, damaged, newer or another key's bytes are
 * unreadable, which is a miss. The payload is a view into `bytes`. `seenBehind` is what the store puts behind the id in
 * `seen`, where there is a whole id. An entry that carries a key is that key's, whatever its name; one under a hashed name
 * that carries none is nobody's.
 */
export function decodeEntry(
  bytes: Buffer,
  key: string,
  serverNowMs: number,
  seenBehind = '',
  name: EntryName = WHOLE_NAME,
): DecodedEntry {
  const id = readToken(bytes, ID_AT)
  const seen = id.length === TOKEN_BYTES ? id + seenBehind : id
  const unreadable = (reason: string): UnreadableEntry => ({ readable: false, reason, seen })
  if (bytes.length < VERSION_AT + TOKEN_BYTES + 1 || bytes[0] !== MAGIC) return unreadable('not an entry')
  if (bytes[1] !== FORMAT) return unreadable(`format ${bytes[1]}`)
  if (!isOf(key, bytes)) return unreadable('another key')
  const flags = bytes.readUInt8(2)
  let at = VERSION_AT
  let version: bigint | undefined
  if ((flags & FLAG_VERSION) !== 0) {
    if (bytes.length < at + 8 + TOKEN_BYTES + 1) return unreadable('truncated')
    version = bytes.readBigInt64BE(at)
    at += 8
  }
  const carriesKey = (flags & FLAG_KEY) !== 0
  if (carriesKey || name.isHashed) {
    const keyEnd = carriesKey ? carriedKeyEnd(bytes, at, key) : undefined
    if (keyEnd === undefined) return unreadable('another key')
    at = keyEnd
  }
  const namespaceToken = readToken(bytes, at)
  const tags: Tag[] = []
  const payloadAt = readTags(bytes, at + TOKEN_BYTES, tags)
  if (payloadAt === undefined) return unreadable('truncated')
  const createdMs = readU48(bytes, 20)
  const ttlMs = readU40(bytes, 26)
  // A created time ahead of the server's own clock (it was set back) counts as now: age never runs negative.
  const ageMs = Math.max(0, serverNowMs - createdMs)
  return {
    readable: true,
    id,
    payload: bytes.subarray(payloadAt),
    codec: bytes.readUInt8(3),
    flags: flags & ~(FLAG_VERSION | FLAG_KEY),
    ageMs,
    freshMs: (flags & ENTRY_FLAG_STALE) !== 0 ? Math.min(0, ttlMs - ageMs) : ttlMs - ageMs,
    keepMs: readU40(bytes, 31) - ageMs,
    loadMs: byteAt(bytes, 36) * 0x10000 + byteAt(bytes, 37) * 0x100 + byteAt(bytes, 38),
    version,
    readAtMs: serverNowMs,
    namespaceToken,
    tags,
    seen,
  }
}

// Read byte by byte: Buffer's own readers check their arguments each time, which is a twentieth of a hit.
function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0
}

function readU40(bytes: Buffer, at: number): number {
  const low = ((byteAt(bytes, at + 1) << 24) | (byteAt(bytes, at + 2) << 16)) >>> 0
  return byteAt(bytes, at) * 2 ** 32 + low + byteAt(bytes, at + 3) * 0x100 + byteAt(bytes, at + 4)
}

function readU48(bytes: Buffer, at: number): number {
  return byteAt(bytes, at) * 2 ** 40 + readU40(bytes, at + 1)
}

/** The token at `at`, or what there is of one. */
function readToken(bytes: Buffer, at: number): Token {
  if (at + TOKEN_BYTES > bytes.length) return bytes.toString('latin1', at, at + TOKEN_BYTES)
  return String.fromCharCode(
    byteAt(bytes, at),
    byteAt(bytes, at + 1),
    byteAt(bytes, at + 2),
    byteAt(bytes, at + 3),
    byteAt(bytes, at + 4),
    byteAt(bytes, at + 5),
    byteAt(bytes, at + 6),
    byteAt(bytes, at + 7),
  )
}

/** Whether the entry was written under this key. */
function isOf(key: string, bytes: Buffer): boolean {
  const [first, second] = keyCheck(key, bytes, ID_AT)
  return bytes.readUInt32LE(CHECK_AT) === first && bytes.readUInt32LE(CHECK_AT + 4) === second
}

/** The key as an entry carries it: each key has one form, and no two have the same. */
function carriedKey(key: string): Buffer {
  // UTF-8 has no form for lone surrogates, and would write all of them alike.
  const form = key.isWellFormed() ? 'utf8' : 'utf16le'
  const length = Buffer.byteLength(key, form)
  const head = length * 2 + (form === 'utf8' ? 0 : 1)
  const carried = Buffer.allocUnsafe(varintBytes(head) + length)
  carried.write(key, writeVarint(carried, 0, head), form)
  return carried
}

/** The offset behind the key carried at `at`, where that is this one. Compared as bytes: nothing in them is believed. */
function carriedKeyEnd(bytes: Buffer, at: number, key: string): number | undefined {
  const carried = carriedKey(key)
  const end = at + carried.length
  return bytes.subarray(at, end).equals(carried) ? end : undefined
}

/** A copy of an entry's bytes that has been stale since now: flagged, its ttl cut to its age. */
export function expireEntry(bytes: Buffer, serverNowMs: number): Buffer {
  const marked = Buffer.from(bytes)
  const ageMs = Math.max(0, Math.floor(serverNowMs) - marked.readUIntBE(20, 6))
  marked.writeUInt8(marked.readUInt8(2) | ENTRY_FLAG_STALE, 2)
  marked.writeUIntBE(Math.min(marked.readUIntBE(26, 5), ageMs, U40_MAX), 26, 5)
  return marked
}

// A soft part is 6 bytes of server time, when it was made, and 2 random ones.
const SOFT_TIME_BYTES = 6

/** The soft part of a tag that is expired now. `random`: any token. */
export function softPart(serverNowMs: number, random: Token): Token {
  const time = Buffer.allocUnsafe(SOFT_TIME_BYTES)
  time.writeUIntBE(Math.floor(serverNowMs), 0, SOFT_TIME_BYTES)
  return time.toString('latin1') + random.slice(SOFT_TIME_BYTES)
}

/** When a tag was last expired, ms of server time; undefined: it never was. */
export function softenedAtMs(token: TagToken): number | undefined {
  if (token.length !== 2 * TOKEN_BYTES) return undefined
  return Buffer.from(token.slice(TOKEN_BYTES), 'latin1').readUIntBE(0, SOFT_TIME_BYTES)
}

/** Appends the tags found at `at` to `tags`; the offset behind them, or undefined where the bytes end early. */
function readTags(bytes: Buffer, at: number, tags: Tag[]): number | undefined {
  const count = readVarint(bytes, at)
  if (count === undefined) return undefined
  let next = count.next
  for (let i = 0; i < count.value; i++) {
    const head = readVarint(bytes, next)
    if (head === undefined) return undefined
    const nameEnd = head.next + (head.value >>> 1)
    const tokenEnd = nameEnd + ((head.value & 1) === 1 ? 2 * TOKEN_BYTES : TOKEN_BYTES)
    if (tokenEnd > bytes.length) return undefined
    tags.push({
      name: bytes.toString('utf8', head.next, nameEnd),
      token: bytes.toString('latin1', nameEnd, tokenEnd),
    })
    next = tokenEnd
  }
  return next
}

function tagBytes(tag: Tag): number {
  const nameBytes = Buffer.byteLength(tag.name)
  return varintBytes(nameBytes * 2) + nameBytes + tag.token.length
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3
}

/** LEB128, at most 3 bytes (2^21 - 1), which is above every count and length of a name or key that options allow. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value
  let next = at
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[next++] = rest
  return next
}

function readVarint(bytes: Buffer, at: number): { value: number; next: number } | undefined {
  let value = 0
  for (let i = 0; i < 3; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { value, next: at + i + 1 }
  }
  return undefined
}
