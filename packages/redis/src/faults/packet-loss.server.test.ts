/** The network to Redis loses packets. Needs root: the rules that drop them live in a namespace of their own. */
import { percentile } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { SLACK_MS } from '../testing/overrun.ts'
import { OWN_NETWORK, whyNoOwnNetwork } from '../testing/own-network.ts'
import { ToldProcess } from '../testing/told-process.ts'

interface Told {
  readonly overruns: readonly number[]
  readonly failed: number
  readonly hits: number
  readonly loads: number
  readonly l2Errors: number
  readonly returnMs: number
}

const RETURN_MS = 5000
const program = new URL('../testing/packet-loss.test-process.ts', import.meta.url)

async function callWith(share: number, forMs: number): Promise<Told> {
  await using process = new ToldProcess(program, [`${share}`, `${forMs}`], { before: OWN_NETWORK })
  return await process.told()
}

test('F14: with 30 % of all packets lost every call is answered, and in time', async (context) => {
  const why = whyNoOwnNetwork()
  if (why !== undefined) {
    console.warn(`NOT RUN: F14 (packet loss) cannot be shown here: ${why}`)
    context.skip(why)
    return
  }
  const lossy = await callWith(0.3, 3000)
  const p99Ms = percentile(lossy.overruns, 0.99)
  const calls = `${lossy.overruns.length} calls, ${lossy.hits} hits in L2, ${lossy.loads} loads`
  console.log(
    `F14: p99 ${p99Ms.toFixed(0)} ms to the bound; ${calls}; used again after ${lossy.returnMs.toFixed(0)} ms`,
  )
  expect(lossy.failed).toBe(0)
  expect(p99Ms).toBeLessThan(SLACK_MS)
  expect(lossy.returnMs).toBeLessThan(RETURN_MS)
  // Packets were lost, and Redis was used all the same.
  expect(lossy.l2Errors).toBeGreaterThan(0)
  expect(lossy.hits).toBeGreaterThan(0)
  const lossless = await callWith(0, 300)
  expect([lossless.failed, lossless.l2Errors]).toEqual([0, 0])
})
