/** The first word of a reply: of a meta command, or of one of the classic commands that a client asks with. */
export type MetaCode =
  | 'HD' // done
  | 'VA' // a value
  | 'EN' // mg: a miss
  | 'NF' // md, ma, ms in mode replace: no such item
  | 'NS' // not stored: mode add, and there is one
  | 'EX' // the item's cas is another one
  | 'MN' // the end of a quiet batch
  | 'ME' // me: what the server knows of an item, as text
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
  /** Of the classic replies and ME: what follows the first word. */
  readonly text: string
}
