import type { RedisServer } from '@holdfast/testkit'
import { loadAverage } from './machine.ts'
import type { Effort, Numbers, Row, Standing } from './row.ts'
import { runContender } from './run-contender.ts'
import { median } from './statistics.ts'
import { isMet } from './targets.ts'

/** How a target was done. */
export interface Verdict {
  readonly text: string
  readonly value: number | undefined
  readonly byCpu: number | undefined
  readonly isRatio: boolean
  /** undefined: a contender that it needs did not run. */
  readonly isMet: boolean | undefined
}

/** A row, measured. */
export interface RowResult {
  readonly row: Row
  readonly samples: ReadonlyMap<string, readonly Numbers[]>
  readonly medians: Standing
  /** Why contenders did not run, or answered wrong. */
  readonly failures: ReadonlyMap<string, string>
  readonly verdicts: readonly Verdict[]
  /** Load average when the row ended. */
  readonly load: number
}

/** Runs a row's contenders in turns (A B C A B C …), each time in a fresh process on an emptied server. */
export async function runRow(
  row: Row,
  server: RedisServer,
  effort: Effort,
  profileFolder: string | undefined,
  onRun: (contender: string, run: number) => void,
): Promise<RowResult> {
  const samples = new Map<string, Numbers[]>()
  const failures = new Map<string, string>()
  const contenders = profileFolder === undefined ? row.contenders : row.contenders.filter(isOurs)
  const runs = Math.min(effort.runs, row.runsMax ?? effort.runs)
  for (let run = 1; run <= runs; run++) {
    for (const contender of contenders) {
      if (failures.has(contender)) continue
      onRun(contender, run)
      await server.cli('FLUSHALL')
      await row.prepare?.(server, effort)
      const bench = { url: server.url, serverPid: server.pid, effort }
      try {
        const numbers = await runContender(row, contender, bench, profileFolder)
        samples.set(contender, [...(samples.get(contender) ?? []), numbers])
      } catch (error) {
        failures.set(contender, error instanceof Error ? error.message : String(error))
      } finally {
        // One that was ended may have left the server stopped.
        server.resume()
      }
    }
  }
  const medians = mediansOf(row, samples, failures)
  return { row, samples, medians, failures, verdicts: judge(row, medians), load: loadAverage() }
}

function isOurs(contender: string): boolean {
  return contender.startsWith('holdfast')
}

/** A contender that failed once has no standing: what it measured before may have been an error, too. */
function mediansOf(
  row: Row,
  samples: ReadonlyMap<string, readonly Numbers[]>,
  failures: ReadonlyMap<string, string>,
): Standing {
  const standing = new Map<string, Numbers>()
  for (const [contender, runs] of samples) {
    if (failures.has(contender)) continue
    const medians: Record<string, number> = {}
    for (const { name } of row.metrics) medians[name] = median(runs.map((run) => run[name] ?? Number.NaN))
    standing.set(contender, medians)
  }
  return standing
}

function judge(row: Row, medians: Standing): Verdict[] {
  return row.targets.map((target) => {
    const value = target.value(medians)
    return {
      text: target.text,
      value,
      byCpu: target.byCpu?.(medians),
      isRatio: target.isRatio,
      isMet: value === undefined ? undefined : isMet(target, value),
    }
  })
}
