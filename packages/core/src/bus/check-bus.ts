import { type Bus, CacheError, invalidArgument } from '../contracts.ts'
import { invalidUnquoted } from '../errors.ts'
import type { L1Mode, L1Options } from '../options.ts'

// Short ones are found by trying: whoever can publish hears signed frames, too.
const SECRET_BYTES_MIN = 16

/**
 * The bus that the options choose; undefined: none. Throws `invalid_argument` where mode and bus do not go together, or
 * there is no L2; a secret is not repeated.
 */
export function checkBus(l1: L1Options | false | undefined, hasL2: boolean): Bus | undefined {
  if (l1 === undefined || l1 === false) return undefined
  const { mode, bus }: { readonly mode?: L1Mode | 'bus'; readonly bus?: Bus | undefined } = l1
  if (bus === undefined && mode !== 'bus') return undefined
  if (typeof bus !== 'object' || bus === null || typeof bus.open !== 'function') {
    throw invalidUnquoted('l1.bus', "a bus for mode 'bus', e.g. redisBus('redis://127.0.0.1')", bus)
  }
  if (mode !== 'bus') throw invalidArgument('l1.mode', "'bus' beside l1.bus", mode)
  if (!hasL2)
    throw invalidArgument('l2', "a shared tier for l1.mode 'bus': it is what L1 keeps up with", undefined)
  checkSecret(bus.secret)
  return bus
}

function checkSecret(secret: unknown): void {
  if (secret === undefined) return
  const bytes =
    typeof secret === 'string'
      ? Buffer.byteLength(secret)
      : secret instanceof Uint8Array
        ? secret.byteLength
        : undefined
  if (bytes !== undefined && bytes >= SECRET_BYTES_MIN) return
  const got = bytes === undefined ? `a ${typeof secret}` : `${bytes} bytes`
  throw new CacheError(
    'invalid_argument',
    `secret of the bus: expected text or bytes, at least ${SECRET_BYTES_MIN} of them, got ${got}`,
  )
}
