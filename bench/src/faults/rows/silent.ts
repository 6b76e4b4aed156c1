import { nowMs, pause } from '../../clock.ts'
import { ANSWER_MS, keysOf, LATER_MS, LOADER_MS, MOST, SLACK_MS } from '../bounds.ts'
import type { FaultRow } from '../fault-row.ts'
import { cameAbout, inTime, mostInTime, right } from '../judge.ts'

const LATER_CALLS = 40
const LATER_FOR_MS = 4000
const FROZEN_MS = 5000
const THAW_MS = 1000
const RECONNECT_MS = 5000
const WAITED_MS = 10_000

export const frozen: FaultRow = {
  id: 'F8',
  fault: 'Redis frozen (SIGSTOP) for 5 s',
  promise: `first call ≤ ${ANSWER_MS} ms, p90 of later ones ≤ ${LATER_MS} ms; used again ≤ ${THAW_MS / 1000} s after it thaws`,
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    const frozenAt = nowMs()
    stage.server.pause()
    const first = await node.call(['cold'])
    const later = await node.callInTurn(keysOf('colder', LATER_CALLS), { forMs: LATER_FOR_MS })
    await pause(Math.max(0, frozenAt + FROZEN_MS * stage.scale.patience - nowMs()))
    stage.server.resume()
    const again = await stage.usedAgain(node, THAW_MS + SLACK_MS, WAITED_MS)
    // Late replies must not be taken for those of later calls: each value names its key.
    const after = await node.call([...keysOf('colder', LATER_CALLS), ...keysOf('after', LATER_CALLS)])
    return [
      inTime('first', first, ANSWER_MS),
      mostInTime('later', MOST, later, LATER_MS),
      again,
      right('first', first, 'v1'),
      right('later', later, 'v1'),
      right('afterwards', after, 'v1'),
    ]
  },
}

export const vanished: FaultRow = {
  id: 'F13',
  fault: 'the other end vanishes without a goodbye (open connections pass nothing, new ones do)',
  promise: `first call ≤ ${ANSWER_MS} ms, p90 of later ones ≤ ${LATER_MS} ms; on a new connection ≤ ${RECONNECT_MS / 1000} s`,
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    const vanishedAt = nowMs()
    stage.proxy.strand()
    const first = await node.call(['cold'])
    const later = await node.callInTurn(keysOf('colder', LATER_CALLS), { forMs: LATER_FOR_MS })
    const waited = await stage.untilUsed(node, WAITED_MS)
    const usedAfter = waited === undefined ? undefined : nowMs() - vanishedAt
    return [
      inTime('first', first, ANSWER_MS),
      mostInTime('later', MOST, later, LATER_MS),
      cameAbout('L2 used again after', usedAfter, RECONNECT_MS + SLACK_MS, WAITED_MS),
      right('first', first, 'v1'),
      right('later', later, 'v1'),
    ]
  },
}
