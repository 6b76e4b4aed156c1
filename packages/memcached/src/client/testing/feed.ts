import { MetaFraming, type MetaFramingOptions } from '../meta-framing.ts'
import type { MetaReply } from '../meta-reply.ts'

/** How a stream is cut, and who reads its replies. */
export interface Feeding extends MetaFramingOptions {
  /** Sizes of the chunks, over and over. Default: one chunk. */
  readonly sizes?: readonly number[]
  /** Replies are lent, and copied when they are told, as whoever is done with them then may do. */
  readonly borrows?: boolean
  readonly takesErrors?: boolean
  /** Where the replies are put. Default: a new array. */
  readonly replies?: MetaReply[]
}

/** The replies in a stream. Each chunk is destroyed after its read. */
export function feed(wire: Buffer | string, feeding: Feeding = {}): MetaReply[] {
  const { sizes = [Infinity], borrows = false, takesErrors = true, replies = [] } = feeding
  const bytes = typeof wire === 'string' ? Buffer.from(wire, 'latin1') : wire
  const framing = new MetaFraming(feeding)
  framing.takesErrors = takesErrors
  const sink = {
    borrows,
    reply: (reply: MetaReply) => void replies.push(borrows ? copyOf(reply) : reply),
    push: () => {
      throw new Error('nothing is pushed')
    },
  }
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const chunk = Buffer.from(bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1)))
    framing.read(chunk, sink)
    at += chunk.length
    chunk.fill(0xee)
  }
  return replies
}

function copyOf(reply: MetaReply): MetaReply {
  const text = reply.valueText('latin1')
  const value = reply.value === undefined ? undefined : Buffer.from(reply.value)
  if (value?.toString('latin1') !== text) throw new Error('a value whose text is another one')
  return { ...reply, value, valueText: (encoding) => value?.toString(encoding) }
}

/** A reply in one line. */
export function describeReply(reply: MetaReply): string {
  const { code, value, size, cas, clientFlags, ttlSec, won, stale, lost, opaque, text } = reply
  const parts = [
    code,
    code === 'VA' && `${size}:${value === undefined ? 'passed over' : value.toString('latin1')}`,
    cas !== undefined && `cas ${cas}`,
    clientFlags !== 0 && `flags ${clientFlags}`,
    ttlSec !== undefined && `ttl ${ttlSec}`,
    won && 'won',
    stale && 'stale',
    lost && 'lost',
    opaque !== 0 && `#${opaque}`,
    text !== '' && `"${text}"`,
  ]
  return parts.filter((part) => part !== false).join(' ')
}
