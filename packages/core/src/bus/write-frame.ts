import { FRAME_BYTES_MAX } from '../contracts.ts'
import {
  BEAT_BYTES,
  type FrameHead,
  type FrameKind,
  HEAD_BYTES,
  KINDS,
  MAGIC,
  NUMBER_BYTES,
  RECORDS,
  type RecordKind,
  SIGNED,
  VERSION,
} from './frame.ts'
import { type FrameSignature, SIGNATURE_BYTES } from './frame-signature.ts'

/** A beat: its publisher is alive, and has used its numbers up to here. */
export function writeBeat(
  head: FrameHead,
  everyMs: number,
  signature: FrameSignature | undefined,
): Uint8Array {
  const frame = begin('beat', head, BEAT_BYTES, signature)
  frame.writeUInt32BE(Math.min(Math.ceil(everyMs), 0xffff_ffff), HEAD_BYTES)
  return end(frame, signature)
}

/** A goodbye: its publisher will say no more. */
export function writeGoodbye(head: FrameHead, signature: FrameSignature | undefined): Uint8Array {
  return end(begin('goodbye', head, HEAD_BYTES, signature), signature)
}

/** Collects changes until a frame is full. A name that is in it already is not added again. */
export class ChangesWriter {
  readonly #signature: FrameSignature | undefined
  readonly #records: { readonly kind: RecordKind; readonly text: string }[] = []
  /** What is in it, by kind and name, of the present namespace. */
  #known = new Set<string>()
  #namespace: string | undefined
  #bytes = HEAD_BYTES

  constructor(signature: FrameSignature | undefined) {
    this.#signature = signature
  }

  /** False: it is full. A frame that is empty has room for any name and namespace. */
  add(namespace: string, kind: Exclude<RecordKind, 'namespace'>, name: string): boolean {
    const isNew = namespace !== this.#namespace
    if (!isNew && this.#known.has(kind + name)) return true
    const bytes = sizeOf(kind, name) + (isNew ? sizeOf('namespace', namespace) : 0)
    const bytesMax = FRAME_BYTES_MAX - (this.#signature === undefined ? 0 : SIGNATURE_BYTES)
    if (this.#bytes + bytes > bytesMax) return false
    if (isNew) {
      this.#namespace = namespace
      this.#known = new Set()
      this.#records.push({ kind: 'namespace', text: namespace })
    }
    this.#known.add(kind + name)
    this.#records.push({ kind, text: name })
    this.#bytes += bytes
    return true
  }

  finish(head: FrameHead): Uint8Array {
    const frame = begin('changes', head, this.#bytes, this.#signature)
    let at = HEAD_BYTES
    for (const { kind, text } of this.#records) {
      frame[at++] = RECORDS.indexOf(kind)
      if (kind !== 'everything') at = writeText(frame, at, text)
    }
    return end(frame, this.#signature)
  }
}

function begin(
  kind: FrameKind,
  head: FrameHead,
  bytes: number,
  signature: FrameSignature | undefined,
): Buffer {
  const isSigned = signature !== undefined
  const frame = Buffer.allocUnsafe(bytes + (isSigned ? SIGNATURE_BYTES : 0))
  frame.writeUInt16BE(MAGIC, 0)
  frame[2] = VERSION
  frame[3] = KINDS.indexOf(kind) | (isSigned ? SIGNED : 0)
  frame.write(head.publisher, 4, 'latin1')
  frame.writeUIntBE(head.number, 12, NUMBER_BYTES)
  frame.writeUIntBE(head.beat, 18, NUMBER_BYTES)
  return frame
}

function end(frame: Buffer, signature: FrameSignature | undefined): Uint8Array {
  signature?.sign(frame)
  return frame
}

function sizeOf(kind: RecordKind, text: string): number {
  if (kind === 'everything') return 1
  const bytes = Buffer.byteLength(text)
  return 1 + lengthBytes(bytes) + bytes
}

/** Bytes of a LEB128. */
function lengthBytes(length: number): number {
  return length < 0x80 ? 1 : length < 0x4000 ? 2 : 3
}

function writeText(frame: Buffer, from: number, text: string): number {
  let at = from
  let left = Buffer.byteLength(text)
  const end = from + lengthBytes(left) + left
  for (; left > 0x7f; left >>>= 7) frame[at++] = (left & 0x7f) | 0x80
  frame[at++] = left
  frame.write(text, at)
  return end
}
