import { awaitedReplies } from './awaited-replies.ts'
import { pause } from './clock.ts'
import type { Run } from './random-race.ts'
import { withFillHook } from './store-hooks.ts'
import { TwoNodes } from './two-nodes.ts'
import type { Verdict } from './verdict.ts'

// Long enough for two beats on a busy machine, short enough to wait for its end in every round.
const MAX_STALE_MS = 40

/**
 * Between the server's answer to a READ or a FILL and its arrival at the first node the other node deletes the key, and
 * word of it comes to the first by the bus: the answer is handled last. What it brings may be told to whoever has asked
 * before, and must not be in L1 when Δ is over: nobody will say it again (rule P).
 */
export async function overtakenByWord(what: 'read' | 'fill', run: Run): Promise<Verdict> {
  let onAnswer: (() => Promise<void>) | undefined
  const overtaken = async (): Promise<void> => {
    const act = onAnswer
    onAnswer = undefined
    await act?.()
  }
  await using nodes = await TwoNodes.open(run, { l1: 'bus', maxStaleMs: MAX_STALE_MS }, (definition) =>
    what === 'read' ? awaitedReplies(definition, overtaken) : withFillHook(definition, overtaken),
  )
  const { first, second } = nodes
  return await nodes.play(async (key) => {
    await second.writes.key(key)
    if (what === 'read') await second.reads.fresh(key)
    await first.cache.barrier()
    onAnswer = async () => {
      await second.writes.key(key)
      await first.cache.barrier()
    }
    await first.reads.fresh(key)
    await pause(MAX_STALE_MS + 1)
    await first.reads.fresh(key)
  })
}
