import { pause } from '../../clock.ts'
import { DELTA_MS, keysOf, LOADER_MS, SLACK_MS } from '../bounds.ts'
import type { FaultNode } from '../fault-node.ts'
import type { FaultRow } from '../fault-row.ts'
import { type Finding, holds, noneOld } from '../judge.ts'
import type { Stage } from '../stage.ts'

const KEYS = 10
const SLOW_LOADER_MS = 300
const DELETED_AFTER_MS = 100

export const deletedHere: FaultRow = {
  id: 'F37',
  fault: `${KEYS} keys are deleted while they are loaded, by the process that loads`,
  promise: 'no read that begins after the delete gets the old value',
  async play(stage) {
    const node = await stage.readyNode('old', LOADER_MS, { hasBus: true })
    return await race(stage, node, node)
  },
}

export const deletedElsewhere: FaultRow = {
  id: 'F38',
  fault: `${KEYS} keys are deleted while they are loaded, by another process`,
  promise: `no old value from ${DELTA_MS / 1000} s after the delete, in either process`,
  async play(stage) {
    const node = await stage.readyNode('old', LOADER_MS, { hasBus: true })
    const other = await stage.readyOtherNode('old', LOADER_MS, { hasBus: true })
    return await race(stage, node, other)
  },
}

/** One loads; the database changes under it; the other, or itself, deletes. */
async function race(stage: Stage, loading: FaultNode, deleting: FaultNode): Promise<readonly Finding[]> {
  const keys = keysOf('raced', KEYS)
  await loading.loadFrom({ version: 'old', loadMs: SLOW_LOADER_MS })
  const loads = loading.call(keys)
  await pause(DELETED_AFTER_MS)
  for (const node of [loading, deleting]) await node.loadFrom({ version: 'new', loadMs: LOADER_MS })
  const deleted = await deleting.delete(keys)
  const failed = deleted.filter(({ error, isGivenUp }) => error !== undefined || isGivenUp)
  const isSame = loading === deleting
  // A read that joins the load under way gets what was read before the delete.
  const atOnce = isSame ? await loading.call(keys) : []
  await loads
  await pause(isSame ? SLACK_MS : DELTA_MS)
  const findings = [
    ...(isSame
      ? [noneOld('read at once', atOnce, 'new'), noneOld('later', await loading.call(keys), 'new')]
      : []),
    ...(isSame ? [] : [noneOld('where loaded', await loading.call(keys), 'new')]),
    ...(isSame ? [] : [noneOld('where deleted', await deleting.call(keys), 'new')]),
  ]
  findings.push(holds(failed.length === 0, `${failed.length} deletes failed`))
  // What a third process finds is what all get until it expires.
  const third = await stage.readyOtherNode('new', LOADER_MS)
  return [...findings, noneOld('from L2', await third.call(keys), 'new')]
}
