import { types } from 'node:util'
import type { Kind } from '../kind.ts'

// JSTypedArray and JSArrayBuffer (about 100 bytes each), and the backing store's record outside the heap.
const OVERHEAD_BYTES = 300

type Make = (bytes: Uint8Array<ArrayBuffer>) => ArrayBufferView

/**
 * `["Uint8Array", byteLength]`, the bytes themselves beside the table. Nothing makes an element read-only, so each
 * hit gets a copy. A view comes back over a buffer of its own that holds just the view's bytes.
 */
function viewKind(tag: string, prototype: object, make: Make): Kind<ArrayBufferView> {
  return {
    tag,
    prototypes: [prototype],
    has: (value) => ArrayBuffer.isView(value),
    flaw: (value) => flawOf(value.buffer),
    weightBytes: (value) => OVERHEAD_BYTES + value.byteLength,
    isSealable: () => false,
    write: (value) => [value.byteLength],
    bytes: (value) => new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
    create: ([byteLength], take) => make(take(byteLength)),
  }
}

const arrayBufferKind: Kind<ArrayBuffer> = {
  tag: 'ArrayBuffer',
  prototypes: [ArrayBuffer.prototype],
  has: (value) => types.isArrayBuffer(value),
  flaw: flawOf,
  weightBytes: (value) => OVERHEAD_BYTES + value.byteLength,
  isSealable: () => false,
  write: (value) => [value.byteLength],
  bytes: (value) => new Uint8Array(value),
  create: ([byteLength], take) => take(byteLength).buffer,
}

function flawOf(buffer: ArrayBufferLike): string | undefined {
  if (types.isSharedArrayBuffer(buffer)) return 'its memory is shared with other threads'
  // ES2024, in every Node of our range; the check costs one property read.
  if ('resizable' in buffer && buffer.resizable === true) return 'its buffer can be resized'
  if ('detached' in buffer && buffer.detached === true) return 'its buffer was transferred away'
  return undefined
}

interface TypedArrayClass {
  readonly name: string
  readonly prototype: object
  new (buffer: ArrayBuffer): ArrayBufferView
}

// Node 22 has no Float16Array: there it is refused, and an entry that holds one is a miss.
const float16Array: unknown = Reflect.get(globalThis, 'Float16Array')

const TYPED_ARRAYS: readonly TypedArrayClass[] = [
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
  ...(isTypedArrayClass(float16Array) ? [float16Array] : []),
]

function isTypedArrayClass(value: unknown): value is TypedArrayClass {
  return typeof value === 'function'
}

function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer)
}

/** Typed arrays, Buffer, DataView and ArrayBuffer. */
export const bytesKinds: readonly Kind[] = [
  viewKind('Buffer', Buffer.prototype, asBuffer),
  viewKind('DataView', DataView.prototype, (bytes) => new DataView(bytes.buffer)),
  arrayBufferKind,
  ...TYPED_ARRAYS.map((type) => viewKind(type.name, type.prototype, (bytes) => new type(bytes.buffer))),
]
