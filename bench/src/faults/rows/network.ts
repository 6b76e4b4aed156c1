import { nowMs, pause } from '../../clock.ts'
import { ANSWER_MS, HIT_MS, keysOf, L2_TIMEOUT_MS, LOADER_MS, SLACK_MS } from '../bounds.ts'
import type { FaultRow } from '../fault-row.ts'
import { atMost, cameAbout, inTime, mostInTime, right } from '../judge.ts'

const DELAY_MS = 200
const TRIPS = 2
const HITS = 100
const SLICED_KEYS = 20
// Into the head of a reply, and never to its end.
const RESET_AFTER_BYTES = 20
const CUT_MS_MAX = 1000

export const slow: FaultRow = {
  id: 'F10',
  fault: `every reply of Redis ${DELAY_MS} ms late`,
  promise: `p99 of an L1 hit ≤ ${HIT_MS} ms; ≤ ${TRIPS} round trips before the loader, and for a delete`,
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    await node.call(['held'])
    stage.proxy.inject({ delayMs: DELAY_MS })
    const hits = await node.callInTurn(Array<string>(stage.has('L1') ? HITS : 0).fill('held'))
    const cold = await node.call(['cold'])
    const boundMs = TRIPS * DELAY_MS + SLACK_MS
    const deleted = await node.delete(['held'])
    return [
      stage.ifAble('L1', () => mostInTime('L1 p99', 0.99, hits, HIT_MS)),
      cameAbout('loader called after', cold[0]?.loadAfterMs, boundMs, L2_TIMEOUT_MS),
      inTime('delete', deleted, boundMs),
      right('cold', cold, 'v1'),
      right('hits', hits, 'v1'),
    ]
  },
}

export const resetInReply: FaultRow = {
  id: 'F12',
  fault: 'the connection is reset in the middle of a reply',
  promise: `the call answers ≤ ${ANSWER_MS} ms by its loader or a second try, the next one is right`,
  async play(stage) {
    const writer = await stage.readyOtherNode('v1', LOADER_MS)
    await writer.call(['stored', 'second'])
    const node = await stage.readyNode('v1', LOADER_MS)
    const { accepted, connections } = stage.proxy
    stage.proxy.inject({ resetAfterBytes: RESET_AFTER_BYTES })
    const asked = node.call(['stored'])
    // Once: whoever connects again finds a network without faults.
    const untilMs = nowMs() + CUT_MS_MAX
    const isCut = (): boolean => stage.proxy.connections < connections || stage.proxy.accepted > accepted
    while (!isCut() && nowMs() < untilMs) await pause(1)
    if (!isCut()) throw new Error('no connection was reset: the row says nothing')
    stage.proxy.heal()
    const cut = await asked
    const next = await node.call(['second'])
    return [
      inTime('cut', cut, ANSWER_MS),
      inTime('next', next, ANSWER_MS),
      right('cut', cut, 'v1'),
      right('next', next, 'v1'),
    ]
  },
}

export const sliced: FaultRow = {
  id: 'F15',
  fault: 'replies arrive byte by byte',
  promise: 'hits of L2 are decoded right, without a load',
  async play(stage) {
    const keys = keysOf('stored', SLICED_KEYS)
    const writer = await stage.readyOtherNode('v1', LOADER_MS)
    await writer.call(keys)
    const node = await stage.readyNode('v1', LOADER_MS)
    stage.proxy.inject({ sliceBytes: 1 })
    const before = (await node.facts()).loads
    const answers = await node.callInTurn(keys)
    const loads = (await node.facts()).loads - before
    return [atMost('loads', loads, 0), inTime('slowest', answers, ANSWER_MS), right('hits', answers, 'v1')]
  },
}
