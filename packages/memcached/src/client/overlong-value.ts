import { CacheError } from 'holdfast/contracts'
import type { MetaCommand } from './meta-command.ts'
import type { MemcachedFacts } from './server-facts.ts'

// What the server keeps of an item besides key and value: its header (48), cas (8), client flags (4), the value's CRLF
// and the key's NUL.
const ITEM_OVERHEAD_BYTES = 48 + 8 + 4 + 2 + 1

/**
 * The refusal of a value that the server has no item for: it would refuse it too, but for the old value of the key, which
 * would be gone.
 */
export function overlongValue(
  command: MetaCommand,
  facts: MemcachedFacts | undefined,
): CacheError | undefined {
  if (command.verb !== 'ms' || facts === undefined) return undefined
  const { key, value } = command
  const itemBytes = value.length + key.text.length + ITEM_OVERHEAD_BYTES
  if (itemBytes <= facts.itemBytesMax) return undefined
  const text = `is an item of ${itemBytes} bytes in L2, and the server takes up to ${facts.itemBytesMax} (-I)`
  return new CacheError('value_too_large', text, { tier: 'l2' })
}
