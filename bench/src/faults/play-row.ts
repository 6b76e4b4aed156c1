import { after } from '../clock.ts'
import type { FaultContender } from './contender.ts'
import { NodeCrash } from './fault-node.ts'
import type { FaultRow } from './fault-row.ts'
import { type Finding, type Verdict, verdictOf } from './judge.ts'
import { type Scale, Stage } from './stage.ts'

// Every row ends by itself long before: its calls are waited for at most 6 s each.
const ROW_MS_MAX = 90_000

/** Plays one row for one contender, on a stage of its own. Never rejects: what goes wrong is the verdict. */
export async function playRow(row: FaultRow, contender: FaultContender, scale: Scale): Promise<Verdict> {
  if (row.needs !== undefined && contender.lacks.includes(row.needs)) {
    return { outcome: 'cannot', text: `no ${row.needs}` }
  }
  await using stage = await Stage.set(contender, scale)
  try {
    const findings = await withinBound(row.play(stage))
    return verdictOf(findings, stage.crash)
  } catch (error) {
    if (error instanceof NodeCrash) return verdictOf([], stage.crash ?? error.message)
    return { outcome: 'broken', text: error instanceof Error ? error.message : String(error) }
  }
}

async function withinBound(play: Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  const limit = Promise.withResolvers<never>()
  const cancel = after(ROW_MS_MAX, () => limit.reject(new Error(`not over after ${ROW_MS_MAX / 1000} s`)))
  // Nodes that are ended with the stage end what is still played.
  play.catch(() => {})
  try {
    return await Promise.race([play, limit.promise])
  } finally {
    cancel()
  }
}
