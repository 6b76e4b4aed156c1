import { hostNow } from '@holdfast/testkit'
import type { Run } from './random-race.ts'
import { withDeleteHook, withReadHook } from './store-hooks.ts'
import { TwoNodes } from './two-nodes.ts'
import type { Verdict } from './verdict.ts'

// A server on the loopback answers in a tenth of this.
const BLOCKED_MS = 2

/**
 * The other node deletes a key right behind the first node's READ of it, and the event loop is blocked until the old
 * reply and the push have both arrived in one chunk: the old value is in L1 before the push is handled, or never (rule
 * P, where the reply is handled later).
 */
export async function sharedChunk(run: Run): Promise<Verdict> {
  let onRead: (() => void) | undefined
  let onDelete: (() => void) | undefined
  await using nodes = await TwoNodes.open(
    run,
    { l1: 'strong' },
    (definition) => withReadHook(definition, () => onRead?.()),
    (definition) => withDeleteHook(definition, () => onDelete?.()),
  )
  const { first, second } = nodes
  return await nodes.play(async (key) => {
    await second.writes.key(key)
    await second.reads.fresh(key)
    let deleted: Promise<void> | undefined
    onRead = () => {
      onRead = undefined
      // Commands leave in the next tick: this one behind the delete's.
      onDelete = () => process.nextTick(block)
      deleted = second.writes.key(key)
    }
    await first.reads.fresh(key)
    await deleted
    onDelete = undefined
    await first.reads.fresh(key)
  })
}

function block(): void {
  const untilMs = hostNow() + BLOCKED_MS
  while (hostNow() < untilMs);
}
