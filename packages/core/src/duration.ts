import { invalidArgument } from './errors.ts'

/**
 * Milliseconds as a number, or text with a unit: '250ms', '30s', '5m', '2h', '1d'. Never bare seconds. Above 0 and up to
 * 10 years; fractions count.
 *
 * Lives (ttl and its windows) are moments that are compared, with no timer of their own: 45 days are 45 days. L2 keeps
 * them in whole milliseconds, rounded up, so that none becomes "at once" or "for ever". Waits (the timeouts) are timers:
 * one above 2^31 - 1 ms (24.8 days) ends after that, one below 1 ms after 1 ms.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

// 10 years: beyond it a duration is a mistake in units, not an intention.
const DURATION_MS_MAX = 10 * 365 * 86_400_000

/**
 * Milliseconds of a duration; rejects NaN, zero, negative, infinite and over-long ones by the argument's name. `also`: what
 * else the argument may be, for the message.
 */
export function durationMs(argument: string, value: unknown, also = ''): number {
  const ms = typeof value === 'string' ? parse(value) : value
  if (typeof ms !== 'number' || !(ms > 0) || ms > DURATION_MS_MAX) {
    throw invalidArgument(
      argument,
      `a duration above 0 and up to 10 years: milliseconds, or text like '250ms', '30s', '5m', '2h', '1d'${also}`,
      value,
    )
  }
  return ms
}

function parse(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  return Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN)
}

/** A number of bytes: a whole number, or text like '512kb', '64mb', '2gb' (powers of 1024). */
export type ByteSize = number | `${number}${'b' | 'kb' | 'mb' | 'gb'}`

const UNIT_BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** Bytes of a size; rejects what is not a whole number of at least 1 by the argument's name. */
export function sizeBytes(argument: string, value: unknown): number {
  let bytes = value
  if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i.exec(value)
    bytes = Math.floor(Number(match?.[1]) * (UNIT_BYTES[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN))
  }
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 1) {
    throw invalidArgument(
      argument,
      "a size of at least 1 byte: a whole number, or text like '512kb', '64mb'",
      value,
    )
  }
  return bytes
}
