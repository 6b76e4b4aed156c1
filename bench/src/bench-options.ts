import { parseArgs } from 'node:util'
import type { Effort } from './row.ts'

/** What the command line asks for. */
export interface BenchOptions {
  readonly effort: Effort
  readonly effortName: 'full' | 'quick' | 'smoke'
  /** Rows whose name contains this. */
  readonly only: string
  readonly json: boolean
  readonly markdownFile: string | undefined
  readonly svgFolder: string | undefined
  /** Whether docs/bench is written. */
  readonly isDocumented: boolean
  /** Where CPU profiles of our own contenders go, one a run. */
  readonly profileFolder: string | undefined
}

const FULL: Effort = {
  runs: 5,
  warmUpMs: 2000,
  measureMs: 1500,
  keys: 1000,
  herdProcesses: 5,
  herdCallers: 100,
  swrCallers: 500,
  rounds: 5,
  taggedKeys: 10_000,
  manyTaggedKeys: 1_000_000,
  memoryEntries: 20_000,
}
const QUICK: Effort = { ...FULL, runs: 3, warmUpMs: 1000, measureMs: 600, rounds: 3, manyTaggedKeys: 100_000 }
/** Whether everything runs; its numbers mean nothing. */
const SMOKE: Effort = {
  runs: 1,
  warmUpMs: 20,
  measureMs: 50,
  keys: 100,
  herdProcesses: 2,
  herdCallers: 10,
  swrCallers: 20,
  rounds: 1,
  taggedKeys: 200,
  manyTaggedKeys: 2000,
  memoryEntries: 500,
}

/** Reads the command line. Throws for an option that it does not know. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      markdown: { type: 'string' },
      svg: { type: 'string' },
      docs: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  if (values.docs && (values.smoke || values.only !== '' || values.profile !== undefined)) {
    throw new TypeError(
      '--docs shows every row, in numbers that mean something: leave out --smoke, --only and --profile',
    )
  }
  const effortName = values.smoke ? 'smoke' : values.quick ? 'quick' : 'full'
  const effort = { full: FULL, quick: QUICK, smoke: SMOKE }[effortName]
  const runs = values.runs === undefined ? effort.runs : Number(values.runs)
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new TypeError(`--runs: expected a whole number of at least 1, got ${values.runs}`)
  }
  return {
    effort: { ...effort, runs },
    effortName,
    only: values.only,
    json: values.json,
    markdownFile: values.markdown,
    svgFolder: values.svg,
    isDocumented: values.docs,
    profileFolder: values.profile,
  }
}
