import { pause } from '../../clock.ts'
import { keysOf, LOADER_MS, SLACK_MS } from '../bounds.ts'
import type { FaultRow } from '../fault-row.ts'
import { atMost, cannot, inTime, mostInTime, right } from '../judge.ts'

const LEASE_MS = 1000
const HELD_MS = 200

export const holderKilled: FaultRow = {
  id: 'F40',
  fault: 'the process that holds the lock of a key is killed',
  promise: `others answer ≤ lease (${LEASE_MS / 1000} s) + loader: ${LEASE_MS + LOADER_MS + SLACK_MS} ms`,
  needs: 'lease',
  async play(stage) {
    const holder = await stage.readyOtherNode('v1', LOADER_MS)
    const node = await stage.readyNode('v1', LOADER_MS)
    await holder.loadFrom({ version: 'v1', loadMs: LOADER_MS, failure: 'hangs' })
    const held = holder.call(['row']).catch(() => [])
    await pause(HELD_MS)
    await holder.end()
    await held
    const answers = await node.call(['row'])
    return [inTime('answer', answers, LEASE_MS + LOADER_MS + SLACK_MS), right('answer', answers, 'v1')]
  },
}

export const herd: FaultRow = {
  id: 'F42',
  fault: '8 processes × 100 callers, one cold key',
  promise: 'one loader call in the fleet, every answer right',
  async play(stage) {
    const { processes, callers } = stage.scale
    const nodes = await Promise.all(
      keysOf('node', processes).map(() => stage.readyOtherNode('v1', LOADER_MS)),
    )
    const before = await Promise.all(nodes.map((node) => node.facts()))
    const answers = (
      await Promise.all(nodes.map((node) => node.call(Array<string>(callers).fill('hot'))))
    ).flat()
    const after = await Promise.all(nodes.map((node) => node.facts()))
    const loads = after.reduce((sum, { loads }, i) => sum + loads - (before[i]?.loads ?? 0), 0)
    const p99 = { ...mostInTime('p99', 0.99, answers, Number.POSITIVE_INFINITY), isKept: undefined }
    const wrong = right('answers', answers, 'v1')
    if (!stage.has('lease'))
      return [cannot(`no lease: ${loads} loader calls`), p99, ...(wrong.isKept ? [] : [wrong])]
    return [atMost('loader calls', loads, 1), p99, wrong]
  },
}
