import {
  BEAT_BYTES,
  type Change,
  type FrameHead,
  type FrameKind,
  HEAD_BYTES,
  KINDS,
  MAGIC,
  NUMBER_BYTES,
  RECORDS,
  SIGNED,
  VERSION,
} from './frame.ts'
import { type FrameSignature, SIGNATURE_BYTES } from './frame-signature.ts'

/** The head of a frame, and where the rest of it is. */
export interface ReadFrame extends FrameHead {
  readonly kind: FrameKind
  /** Of a beat: the time to the next one. */
  readonly everyMs: number
  readonly bodyEnd: number
}

/** 'newer': of a format that is not known here; whoever published it says things that are not heard. */
export type Unread = 'garbage' | 'newer' | 'unsigned'

// Three bytes of LEB128 count further than a frame goes.
const LENGTH_BYTES_MAX = 3

/**
 * Reads the head of a frame. With a signature, what does not carry it is 'unsigned', whatever else it is. Never throws.
 * Cost: one small object.
 */
export function readFrame(bytes: Buffer, signature: FrameSignature | undefined): ReadFrame | Unread {
  if (bytes.length < HEAD_BYTES || bytes.readUInt16BE(0) !== MAGIC) return 'garbage'
  const [, , version = 0, kindByte = 0] = bytes
  const isSigned = (kindByte & SIGNED) !== 0
  if (signature !== undefined && !(isSigned && signature.isOf(bytes))) return 'unsigned'
  if (version > VERSION) return 'newer'
  const kind = KINDS[kindByte & ~SIGNED]
  const bodyEnd = bytes.length - (isSigned ? SIGNATURE_BYTES : 0)
  const bytesMin = kind === 'beat' ? BEAT_BYTES : HEAD_BYTES
  if (version !== VERSION || kind === undefined || bodyEnd < bytesMin) return 'garbage'
  return {
    kind,
    publisher: bytes.toString('latin1', 4, 12),
    number: bytes.readUIntBE(12, NUMBER_BYTES),
    beat: bytes.readUIntBE(18, NUMBER_BYTES),
    everyMs: kind === 'beat' ? bytes.readUInt32BE(HEAD_BYTES) : 0,
    bodyEnd,
  }
}

/**
 * Tells the changes of a frame, names of one kind and namespace that follow each other in one piece. False: it is
 * damaged; what stands before the damage was told. Never throws.
 */
export function readChanges(bytes: Buffer, bodyEnd: number, tell: (change: Change) => void): boolean {
  let at = HEAD_BYTES
  let namespace: string | undefined
  let names: string[] = []
  let kind: 'keys' | 'tags' = 'keys'
  const tellNames = (): void => {
    if (namespace !== undefined && names.length > 0) tell({ kind, namespace, names })
    names = []
  }
  while (at < bodyEnd) {
    const record = RECORDS[bytes[at] ?? 0xff]
    if (record === undefined || (record !== 'namespace' && namespace === undefined)) break
    if (record === 'everything') {
      at++
      tellNames()
      if (namespace !== undefined) tell({ kind: 'namespace', namespace })
      continue
    }
    const text = readText(bytes, at + 1, bodyEnd)
    if (text === undefined) break
    at = text.end
    const named = record === 'key' ? 'keys' : 'tags'
    if (record === 'namespace' || named !== kind) tellNames()
    if (record === 'namespace') namespace = text.text
    else {
      kind = named
      names.push(text.text)
    }
  }
  tellNames()
  return at === bodyEnd
}

/** Text behind its length in LEB128; undefined: it does not end within the body. */
function readText(bytes: Buffer, from: number, bodyEnd: number): { text: string; end: number } | undefined {
  let length = 0
  for (let i = 0; i < LENGTH_BYTES_MAX; i++) {
    const byte = bytes[from + i] ?? 0xff
    length += (byte & 0x7f) << (7 * i)
    if (byte > 0x7f) continue
    const start = from + i + 1
    const end = start + length
    return end > bodyEnd ? undefined : { text: bytes.toString('utf8', start, end), end }
  }
  return undefined
}
