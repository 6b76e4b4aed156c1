import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { startMemcached } from '@holdfast/testkit'
import type { Effort, Numbers, Row } from '../row.ts'
import { median, quantile, sum } from '../statistics.ts'
import { bounded } from '../targets.ts'
import { HERD_LOAD_MS, type HerdAnswer, type HerdOrder, isHerdAnswer } from './herd-message.ts'

// Herds of which nothing is counted: a node of a site has loaded before, and waited for another's load. The compilers of
// five processes on two cores are done after some fifteen.
const WARM_UP_ROUNDS = 20

const OURS_ON_MEMCACHED = 'holdfast on Memcached'
const TITLE = `5 processes x 100 callers, one cold key, ${HERD_LOAD_MS} ms loader`
const METRICS: Row['metrics'] = [
  { name: 'loads', title: 'loader calls', better: 'less', digits: 0 },
  { name: 'p99Ms', title: "callers' p99, ms", better: 'less', digits: 1 },
  { name: 'worstMs', title: 'slowest caller, ms', better: 'less', digits: 1 },
]

/** Several processes whose callers all ask for one cold key at once. */
export const herdRow: Row = {
  name: 'herd',
  title: `herd: ${TITLE}`,
  contenders: [
    'holdfast',
    'by hand',
    'bentocache',
    'cacheable',
    'cache-manager',
    'layered-loader',
    'async-cache-dedupe',
    'cachified',
  ],
  metrics: METRICS,
  targets: [
    bounded('loads', 1, '1 loader call'),
    bounded('p99Ms', HERD_LOAD_MS + 5, `callers' p99 ≤ loader + 5 ms`),
  ],
  measure: (contender, { url, effort }) => measureHerds(contender, url, effort),
}

/** The same over Memcached, which wakes nobody: who waits asks again. Beside it, ours on Redis. */
export const memcachedHerdRow: Row = {
  name: 'herd-memcached',
  title: `herd on Memcached: ${TITLE}`,
  contenders: [OURS_ON_MEMCACHED, 'holdfast'],
  metrics: METRICS,
  targets: [
    bounded('loads', 1, '1 loader call', OURS_ON_MEMCACHED),
    bounded('p99Ms', HERD_LOAD_MS + 25, `callers' p99 ≤ loader + 25 ms`, OURS_ON_MEMCACHED),
  ],
  async measure(contender, { url, effort }) {
    if (contender === 'holdfast') return await measureHerds(contender, url, effort)
    await using server = await startMemcached()
    return await measureHerds(contender, server.url, effort)
  },
}

async function measureHerds(contender: string, url: string, effort: Effort): Promise<Numbers> {
  const nodes = Array.from({ length: effort.herdProcesses }, () => new HerdNodeProcess())
  try {
    const callers = effort.herdCallers
    const play = async (key: string): Promise<HerdAnswer> =>
      joined(await Promise.all(nodes.map((node) => node.order({ contender, url, key, callers }))))
    for (let round = 1; round <= WARM_UP_ROUNDS; round++) await play(`warm-up:${round}`)
    const rounds: HerdAnswer[] = []
    for (let round = 1; round <= effort.rounds; round++) rounds.push(await play(`cold:${round}`))
    return {
      loads: Math.max(...rounds.map((round) => round.loads)),
      p99Ms: median(rounds.map((round) => quantile(round.waitedMs, 0.99))),
      worstMs: median(rounds.map((round) => Math.max(...round.waitedMs))),
    }
  } finally {
    for (const node of nodes) node.end()
  }
}

function joined(answers: readonly HerdAnswer[]): HerdAnswer {
  return {
    loads: sum(answers.map((answer) => answer.loads)),
    waitedMs: answers.flatMap((answer) => answer.waitedMs),
  }
}

/** One node of the fleet, in a process of its own. */
class HerdNodeProcess {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'herd-node.ts'), {
    execArgv: process.execArgv.filter((argument) => !argument.startsWith('--cpu-prof')),
  })

  async order(order: HerdOrder): Promise<HerdAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const isGone = () => reject(new Error('a node of the herd is gone'))
    this.#child.once('message', resolve)
    this.#child.once('exit', isGone)
    this.#child.send(order)
    const answer = await promise
    this.#child.off('exit', isGone)
    if (!isHerdAnswer(answer)) throw new Error(String(answer))
    return answer
  }

  end(): void {
    this.#child.kill()
  }
}
