import { pause } from '../../clock.ts'
import { ANSWER_MS, LOADER_MS, SLACK_MS } from '../bounds.ts'
import type { FaultRow } from '../fault-row.ts'
import { atMost, type Finding, inTime, ownErrors, right } from '../judge.ts'
import type { Failure } from '../orders.ts'

const CALLERS = 20
const LOADER_TIMEOUT_MS = 1000
const SHORT_TTL_MS = 500
const FAIL_SAFE_CALLS = 40
const FAIL_SAFE_PAUSE_MS = 50
// 2 s of a failing loader: at once, after 1 s, after 2 s, and one more for jitter.
const TRIES_MAX = 4

const FAILURES: readonly (readonly [Failure, string])[] = [
  ['throws', 'an error'],
  ['throws text', 'a text'],
  ['throws at once', 'thrown at once'],
]

export const loaderThrows: FaultRow = {
  id: 'F33',
  fault: `the loader throws (an error, a text, before its promise), ${CALLERS} callers`,
  promise: 'every caller gets that error, itself or as the cause, from one call; the next call loads',
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS)
    const findings: Finding[] = []
    let calls = 0
    for (const [failure, what] of FAILURES) {
      await node.loadFrom({ version: 'v1', loadMs: LOADER_MS, failure })
      const before = (await node.facts()).loads
      const answers = await node.call(Array<string>(CALLERS).fill(failure))
      calls = Math.max(calls, (await node.facts()).loads - before)
      await node.loadFrom({ version: 'v1', loadMs: LOADER_MS })
      const next = await node.call([failure])
      findings.push(ownErrors(what, answers), right('the next call', next, 'v1'))
    }
    return [stage.ifAble('single flight', () => atMost('calls', calls, 1)), ...findings]
  },
}

export const loaderHangs: FaultRow = {
  id: 'F34',
  fault: `the loader never answers; its bound is ${LOADER_TIMEOUT_MS / 1000} s`,
  promise: `an error ≤ ${LOADER_TIMEOUT_MS + SLACK_MS} ms; a later caller is not blocked (≤ ${ANSWER_MS} ms)`,
  needs: 'loader timeout',
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS, { loaderTimeoutMs: LOADER_TIMEOUT_MS })
    await node.loadFrom({ version: 'v1', loadMs: LOADER_MS, failure: 'hangs' })
    const hanging = await node.call(['stuck'])
    await node.loadFrom({ version: 'v1', loadMs: LOADER_MS })
    const later = await node.call(['stuck'])
    return [
      inTime('error after', hanging, LOADER_TIMEOUT_MS + SLACK_MS),
      inTime('later', later, ANSWER_MS),
      right('later', later, 'v1'),
    ]
  },
}

export const failSafe: FaultRow = {
  id: 'F36',
  fault: `the entry has expired and the loader throws, ${FAIL_SAFE_CALLS} calls in 2 s`,
  promise: `every call gets the stale value, and the loader ≤ ${TRIES_MAX} calls`,
  needs: 'stale on error',
  async play(stage) {
    const node = await stage.readyNode('v1', LOADER_MS, { ttlMs: SHORT_TTL_MS })
    await node.call(['row'])
    await pause(SHORT_TTL_MS + LOADER_MS)
    await node.loadFrom({ version: 'v2', loadMs: LOADER_MS, failure: 'throws' })
    const before = (await node.facts()).loads
    const answers = await node.callInTurn(Array<string>(FAIL_SAFE_CALLS).fill('row'), {
      pauseMs: FAIL_SAFE_PAUSE_MS,
    })
    const tries = (await node.facts()).loads - before
    return [atMost('loader calls', tries, TRIES_MAX), right('answers', answers, 'v1')]
  },
}
