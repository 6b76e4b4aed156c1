import { pause } from '../../clock.ts'
import { ANSWER_MS, DELTA_MS, LOADER_MS, SLACK_MS } from '../bounds.ts'
import { WAIT_MS } from '../fault-node.ts'
import type { FaultRow } from '../fault-row.ts'
import { cannot, holds, inTime, right } from '../judge.ts'

const AWAY_MS = 1000
const RETURN_MS = 2000
const BOOT_RETURN_MS = 5000
const WAITED_MS = 10_000

export const backEmpty: FaultRow = {
  id: 'F5',
  fault: 'Redis killed, comes back empty',
  promise: `used again ≤ ${RETURN_MS / 1000} s, and no L1 writes an old value over a newer one`,
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    await node.call(['held'])
    await stage.server.kill()
    await node.call(['held'])
    await node.loadFrom({ version: 'v2', loadMs: LOADER_MS })
    await pause(AWAY_MS * stage.scale.patience)
    await stage.server.restart()
    const again = await stage.usedAgain(node, RETURN_MS + SLACK_MS, WAITED_MS)
    // What has changed meanwhile is loaded by another; the first still holds the old value, and may answer with it.
    const other = await stage.readyOtherNode('v2', LOADER_MS)
    await other.call(['held'])
    await node.call(['held'])
    const third = await stage.readyOtherNode('v2', LOADER_MS)
    return [again, right('a third process', await third.call(['held']), 'v2')]
  },
}

export const backWithData: FaultRow = {
  id: 'F5b',
  fault: 'a key is deleted while Redis is away; it comes back with its data',
  promise: `the delete says that it failed, or the key is gone everywhere ${DELTA_MS / 1000} s after the return`,
  async play(stage) {
    const [node, other] = await Promise.all([
      stage.readyNode('v1', LOADER_MS, { hasBus: true }),
      stage.readyOtherNode('v1', LOADER_MS, { hasBus: true }),
    ])
    for (const each of [node, other]) await each.call(['row'])
    await stage.becomesStored('row', 'v1')
    await stage.server.cli('SAVE')
    await stage.server.kill()
    for (const each of [node, other]) await each.loadFrom({ version: 'v2', loadMs: LOADER_MS })
    const deleted = await node.delete(['row'])
    await pause(AWAY_MS * stage.scale.patience)
    await stage.server.restart()
    const again = await stage.usedAgain(node, RETURN_MS + SLACK_MS, WAITED_MS)
    const isOtherBack = (await stage.untilUsed(other, WAITED_MS)) !== undefined
    const findings = [again, holds(isOtherBack, 'the other never uses L2 again')]
    const [{ error, isGivenUp } = {}] = deleted
    if (isGivenUp) return [...findings, holds(false, `the delete did not answer in ${WAIT_MS / 1000} s`)]
    if (error !== undefined) return [...findings, cannot('the delete said that it failed')]
    await pause(DELTA_MS)
    // Stale values may be answered once while they are refreshed.
    for (const each of [node, other]) await each.call(['row'])
    await pause(LOADER_MS + SLACK_MS)
    return [
      ...findings,
      right('where deleted', await node.call(['row']), 'v2'),
      right('elsewhere', await other.call(['row']), 'v2'),
    ]
  },
}

export const downAtBoot: FaultRow = {
  id: 'F7',
  fault: 'Redis down when the process starts',
  promise: `first call ≤ ${ANSWER_MS} ms; used by itself ≤ ${BOOT_RETURN_MS / 1000} s after it has come`,
  async play(stage) {
    await stage.server.kill()
    const node = await stage.node()
    await node.loadFrom({ version: 'v1', loadMs: LOADER_MS })
    const first = await node.call(['cold'])
    await pause(3 * AWAY_MS * stage.scale.patience)
    await stage.server.restart()
    return [
      inTime('first', first, ANSWER_MS),
      right('first', first, 'v1'),
      await stage.usedAgain(node, BOOT_RETURN_MS + SLACK_MS, WAITED_MS),
    ]
  },
}
