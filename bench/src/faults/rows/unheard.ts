import { nowMs, pause } from '../../clock.ts'
import { DELTA_MS, LOADER_MS, SLACK_MS } from '../bounds.ts'
import type { FaultNode } from '../fault-node.ts'
import type { FaultRow } from '../fault-row.ts'
import { cameAbout, holds, right } from '../judge.ts'

const CUT_MS = 500
// The next attempt to connect is at most this far away, with every contender's settings.
const RECONNECT_MS = 1000
const WATCHED_MS = 10_000
const LOOK_EVERY_MS = 50
const SETTLED_READS = 5

export const unheardDelete: FaultRow = {
  id: 'F18',
  fault: `a process is cut off for ${CUT_MS / 1000} s while another deletes a key that both hold`,
  promise: `the new value ≤ ${(RECONNECT_MS + DELTA_MS) / 1000} s after the network is back, and nothing else from then on`,
  needs: 'bus',
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS, { hasBus: true })
    const other = await stage.readyOtherNode('v1', LOADER_MS, { hasBus: true })
    for (const each of [other, node]) await each.call(['row'])
    stage.proxy.inject({ refuse: true })
    stage.proxy.cut()
    for (const each of [node, other]) await each.loadFrom({ version: 'v2', loadMs: LOADER_MS })
    const deleted = await other.delete(['row'])
    const failed = deleted.find(({ error }) => error !== undefined)
    await pause(CUT_MS)
    stage.proxy.heal()
    const newAfter = await untilAnswered(node, 'row', 'v2')
    const settled = await node.callInTurn(Array<string>(SETTLED_READS).fill('row'), {
      pauseMs: LOOK_EVERY_MS,
    })
    return [
      cameAbout('new value after', newAfter, RECONNECT_MS + DELTA_MS + SLACK_MS, WATCHED_MS),
      ...(newAfter === undefined ? [] : [right('from then on', settled, 'v2')]),
      holds(failed === undefined, `the delete failed: ${failed?.error}`),
    ]
  },
}

/** Milliseconds until the node answers with this version; undefined: not while it was watched. */
async function untilAnswered(node: FaultNode, key: string, version: string): Promise<number | undefined> {
  const startedAt = nowMs()
  while (nowMs() - startedAt < WATCHED_MS) {
    const [answer] = await node.call([key])
    if (answer?.version === version) return nowMs() - startedAt
    await pause(LOOK_EVERY_MS)
  }
  return undefined
}
