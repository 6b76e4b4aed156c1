import type { Credentials } from '@holdfast/wire'
import { show } from 'holdfast/contracts'
import { MetaProtocolError } from './meta-protocol-error.ts'

/** The first word of a reply: of a meta command, or of one of the classic commands that a client asks with. */
export type MetaCode =
  | 'HD' // done
  | 'VA' // a value
  | 'EN' // mg, me: a miss
  | 'NF' // md, ma, and ms in mode replace: no such item
  | 'NS' // not stored: ms in mode add, and there is one
  | 'EX' // the item's cas is another one
  | 'MN' // the end of a quiet batch
  | ClassicCode

/** The first word of a reply that is read as a line of text. */
export type ClassicCode =
  | 'ME' // me: what the server knows of an item
  | 'OK'
  | 'STORED'
  | 'VERSION'
  | 'STAT'
  | 'END'
  | 'RESET'
  | 'ERROR'
  | 'CLIENT_ERROR'
  | 'SERVER_ERROR'

/**
 * One reply. To a receiver that borrows, the reply and its value are lent: both are used again when the call returns.
 * A flag that was not asked for is undefined, or false, or 0.
 */
export interface MetaReply {
  readonly code: MetaCode
  /** VA: the value; empty of a lease stub. Undefined where it is longer than the client keeps: `size` says how long. */
  readonly value: Buffer | undefined
  /** The value as text, without the view that `value` is of one that is lent: that costs half as much as a short text. */
  valueText(encoding: 'utf8' | 'latin1'): string | undefined
  /** VA: bytes of the value. */
  readonly size: number
  /** `c`: the item's cas, in decimal digits: 64 bits are more than a number holds. */
  readonly cas: string | undefined
  /** `f` */
  readonly clientFlags: number
  /** `t`: whole seconds, of which the last one has begun; -1: for ever. */
  readonly ttlSec: number | undefined
  /** W: whoever sent the command has won the lease, or the right to refresh. */
  readonly won: boolean
  /** X: the item was marked as stale. */
  readonly stale: boolean
  /** Z: someone else has won it before. */
  readonly lost: boolean
  /** The number of the command that this answers; 0: the reply bears none. */
  readonly opaque: number
  /** Of the classic replies: what follows the first word. */
  readonly text: string
}

const CLASSIC_CODES: ReadonlyMap<string, ClassicCode> = new Map(
  (
    [
      'ME',
      'OK',
      'STORED',
      'VERSION',
      'STAT',
      'END',
      'RESET',
      'ERROR',
      'CLIENT_ERROR',
      'SERVER_ERROR',
    ] as const
  ).map((code) => [code, code]),
)

/** A reply that is being read. */
export class ReplyInMaking implements MetaReply {
  code: MetaCode
  size = 0
  cas: string | undefined = undefined
  clientFlags = 0
  ttlSec: number | undefined = undefined
  won = false
  stale = false
  lost = false
  opaque = 0
  text = ''
  #value: Buffer | undefined = undefined
  /** Where a value that is lent stands. */
  #chunk: Buffer | undefined = undefined
  #valueAt = 0

  constructor(code: MetaCode = 'EN') {
    this.code = code
  }

  get value(): Buffer | undefined {
    this.#value ??= this.#chunk?.subarray(this.#valueAt, this.#valueAt + this.size)
    return this.#value
  }

  valueText(encoding: 'utf8' | 'latin1'): string | undefined {
    if (this.#chunk === undefined) return this.#value?.toString(encoding)
    return this.#chunk.toString(encoding, this.#valueAt, this.#valueAt + this.size)
  }

  /** Makes it another one. */
  begin(code: MetaCode): void {
    this.code = code
    this.size = 0
    this.cas = undefined
    this.clientFlags = 0
    this.ttlSec = undefined
    this.won = false
    this.stale = false
    this.lost = false
    this.opaque = 0
    this.text = ''
    this.#value = undefined
    this.#chunk = undefined
  }

  /** Gives it a value of its own, or none: one that is passed over. */
  keep(value: Buffer | undefined): void {
    this.#value = value
  }

  /** Gives it the value of `size` bytes that stands there. */
  lend(chunk: Buffer, at: number): void {
    this.#chunk = chunk
    this.#valueAt = at
  }
}

/**
 * The reply that is one line of text. Throws MetaProtocolError where it does not begin as one of them, and tells how it
 * does, without these credentials.
 */
export function classicReply(line: string, credentials?: Credentials): MetaReply {
  const space = line.indexOf(' ')
  const word = space < 0 ? line : line.slice(0, space)
  const code = CLASSIC_CODES.get(word)
  if (code === undefined) {
    const said = show(credentials?.scrub(word) ?? word)
    throw new MetaProtocolError(
      `the answer begins with ${said}, which is not the Memcached protocol: is this a Memcached?`,
    )
  }
  const reply = new ReplyInMaking(code)
  reply.text = space < 0 ? '' : line.slice(space + 1)
  return reply
}
