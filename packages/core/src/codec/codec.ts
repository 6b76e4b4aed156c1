import { isAscii } from 'node:buffer'
import { heedRejection } from '../call-hook.ts'
import { CacheError, type CacheErrorCode, invalidArgument, show } from '../errors.ts'
import type { CodecWrap } from '../options.ts'
import type { NamedTypes } from './named-types.ts'
import type { JsonTree } from './seal-tree.ts'
import type { Form } from './survey.ts'
import { decodeTagged, encodeTagged } from './tagged-form.ts'

/** Bytes of a value, and the number that says how to read them (the codec byte of an entry, 0..255). */
export interface Encoded {
  readonly codec: number
  readonly payload: Uint8Array
}

/** Values to bytes and back. */
export interface Codec {
  /** The bytes go through a codec of the user's: they may be fewer than the value's text has. */
  readonly isWrapped: boolean
  /**
   * `form` is what sealing found. Throws `value_too_large` where a text would pass the engine's longest string,
   * `unsupported_value` where the value was changed since it was sealed.
   */
  encode(value: unknown, form: Form): Encoded
  /** A value of its own, not sealed yet. Throws `decode_failed` and nothing else. */
  decode(codec: number, payload: Uint8Array): unknown
  /** The same where it is JSON text, undefined where it is not. */
  decodeTree(codec: number, payload: Uint8Array): JsonTree | undefined
}

const WRAP_ID_MAX = 127
const TAGGED = 1

/**
 * The codec byte is `wrap id * 2 + (1 if tagged)`, the wrap id 0 where there is none. Bytes of another wrap, or of
 * none where this cache has one, are refused: who can write to L2 must not get around encryption.
 * Throws `invalid_argument` on a wrap that lacks a part.
 */
export function createCodec(options: { readonly types: NamedTypes; readonly wrap?: CodecWrap }): Codec {
  const { types, wrap } = options
  if (wrap !== undefined) assertWrap(wrap)
  const base = (wrap?.id ?? 0) * 2
  const open = <T>(codec: number, payload: Uint8Array, read: (bytes: Buffer) => T): T => {
    if (codec !== base && codec !== base + TAGGED) {
      const text = `codec ${codec} where this cache writes ${base} or ${base + TAGGED}`
      throw new CacheError('decode_failed', text)
    }
    try {
      return read(asBuffer(unwrap(wrap, payload)))
    } catch (cause) {
      if (cause instanceof CacheError && cause.code === 'decode_failed') throw cause
      throw new CacheError('decode_failed', 'bytes that are no value of ours', { cause })
    }
  }
  return {
    isWrapped: wrap !== undefined,
    encode(value, form) {
      const bytes = form === 'json' ? encodeJson(value) : guarded(() => encodeTagged(value, types))
      return {
        codec: base + (form === 'json' ? 0 : TAGGED),
        payload: wrap === undefined ? bytes : bytesOf(wrap.encode(bytes), 'unsupported_value'),
      }
    },
    decode(codec, payload) {
      return open(codec, payload, (bytes) => {
        const value: unknown = codec === base ? parse(bytes).value : decodeTagged(bytes, types)
        if (value === undefined) throw new CacheError('decode_failed', 'undefined is no value')
        return value
      })
    },
    decodeTree(codec, payload) {
      return codec === base ? open(codec, payload, parse) : undefined
    },
  }
}

function parse(bytes: Buffer): JsonTree {
  return { value: JSON.parse(bytes.toString('utf8')), isAscii: isAscii(bytes) }
}

function encodeJson(value: unknown): Buffer {
  return guarded(() => {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) throw new TypeError('no JSON text')
    return Buffer.from(text)
  })
}

function guarded(encode: () => Buffer): Buffer {
  try {
    return encode()
  } catch (cause) {
    if (cause instanceof CacheError) throw cause
    if (cause instanceof RangeError) {
      throw new CacheError('value_too_large', 'value: its text would pass the longest string there is', {
        cause,
      })
    }
    throw new CacheError('unsupported_value', 'value: it was changed after it was sealed', { cause })
  }
}

function unwrap(wrap: CodecWrap | undefined, payload: Uint8Array): Uint8Array {
  return wrap === undefined ? payload : bytesOf(wrap.decode(payload), 'decode_failed')
}

/** What a wrap answered: an asynchronous one cannot be waited for. */
function bytesOf(answer: unknown, code: CacheErrorCode): Uint8Array {
  if (answer instanceof Uint8Array) return answer
  heedRejection(answer)
  throw new CacheError(code, `the codec wrap answered ${show(answer)}, which is no Uint8Array`)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function assertWrap(wrap: CodecWrap): void {
  if (typeof wrap !== 'object' || wrap === null)
    throw invalidArgument('codec', '{ id, encode, decode }', wrap)
  if (!Number.isInteger(wrap.id) || wrap.id < 1 || wrap.id > WRAP_ID_MAX) {
    throw invalidArgument('codec.id', `an integer of 1 to ${WRAP_ID_MAX}`, wrap.id)
  }
  for (const part of ['encode', 'decode'] as const) {
    if (typeof wrap[part] !== 'function') throw invalidArgument(`codec.${part}`, 'a function', wrap[part])
  }
}
