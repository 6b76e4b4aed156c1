import type { Run } from './random-race.ts'
import { withFillHook } from './store-hooks.ts'
import { TwoNodes } from './two-nodes.ts'
import type { Verdict } from './verdict.ts'

const LATE_READERS = 3

/**
 * Between the server's answer to a FILL and its arrival at the loading node the other node deletes the key, and then
 * new calls begin on the loading node. The fill was accepted, but they came too late for it (rule J).
 */
export async function lateJoiner(run: Run): Promise<Verdict> {
  let onFilled: (() => Promise<void>) | undefined
  await using nodes = await TwoNodes.open(run, { l1: 'off' }, (definition) =>
    withFillHook(definition, async () => {
      const act = onFilled
      onFilled = undefined
      await act?.()
    }),
  )
  const { first, second } = nodes
  return await nodes.play(async (key) => {
    await second.writes.key(key)
    const late: Promise<void>[] = []
    onFilled = async () => {
      await second.writes.key(key)
      for (let i = 0; i < LATE_READERS; i++) late.push(first.reads.fresh(key))
    }
    await first.reads.fresh(key)
    await Promise.all(late)
  })
}
