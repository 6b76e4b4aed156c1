import { ANSWER_MS, HIT_MS, keysOf, LATER_MS, LOADER_MS, MOST } from '../bounds.ts'
import type { FaultRow } from '../fault-row.ts'
import { atMost, inTime, mostInTime, right } from '../judge.ts'

const HITS = 300
const LATER_CALLS = 20
const FLOOD_LOADER_MS = 10
const FLOOD_MS = 2000
// V8 takes memory in steps, and collects when it likes.
const FLOOD_SLACK_MIB = 16
const FLOOD_MIB = 64 + FLOOD_SLACK_MIB
const MIB = 1024 * 1024

export const hitsWhileKilled: FaultRow = {
  id: 'F1',
  fault: 'Redis killed, key in L1',
  promise: `p99 of a hit ≤ ${HIT_MS} ms`,
  needs: 'L1',
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    await node.call(['held'])
    await stage.server.kill()
    const answers = await node.callInTurn(Array<string>(HITS).fill('held'), { pauseMs: 5 })
    return [mostInTime('p99', 0.99, answers, HIT_MS), right('hits', answers, 'v1')]
  },
}

export const coldWhileKilled: FaultRow = {
  id: 'F2',
  fault: 'Redis killed, cold key',
  promise: `the call under way ≤ ${ANSWER_MS} ms, p90 of later ones ≤ ${LATER_MS} ms (loader ${LOADER_MS} ms)`,
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    // Asked, and not answered when the server dies.
    stage.server.pause()
    const underWay = node.call(['cold'])
    await stage.server.kill()
    const first = await underWay
    const later = await node.callInTurn(keysOf('colder', LATER_CALLS), { forMs: 6000 })
    return [
      inTime('first', first, ANSWER_MS),
      mostInTime('later', MOST, later, LATER_MS),
      right('first', first, 'v1'),
      right('later', later, 'v1'),
    ]
  },
}

export const floodWhileKilled: FaultRow = {
  id: 'F3',
  fault: 'Redis killed, 5,000 cold keys at once',
  promise: `all answered in ${FLOOD_MS / 1000} s, memory (RSS) + ≤ ${FLOOD_MIB} MiB`,
  async play(stage) {
    const { floodedKeys } = stage.scale
    const node = await stage.readyNode('v1', FLOOD_LOADER_MS)
    // The first flood of a process makes V8 compile and grow; it is not what is measured.
    await node.call(keysOf('first', floodedKeys))
    await stage.server.kill()
    const before = (await node.facts()).rssBytes
    const answers = await node.call(keysOf('second', floodedKeys))
    const grown = Math.max(0, (await node.facts()).rssBytes - before)
    return [
      inTime('all in', answers, FLOOD_MS),
      atMost('MiB more', Math.round(grown / MIB), FLOOD_MIB),
      right('flood', answers, 'v1'),
    ]
  },
}
