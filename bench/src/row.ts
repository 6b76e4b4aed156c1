import type { RedisServer } from '@holdfast/testkit'

/** How much is measured. */
export interface Effort {
  /** Fresh processes per contender and row. */
  readonly runs: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** Different keys that hits go round. */
  readonly keys: number
  readonly herdProcesses: number
  readonly herdCallers: number
  readonly swrCallers: number
  /** Herds per run. */
  readonly rounds: number
  /** Keys under the tag that is invalidated: few, and a hundred times as many. */
  readonly taggedKeys: number
  readonly manyTaggedKeys: number
  /** Entries over which the memory of a server is counted. */
  readonly memoryEntries: number
}

/** What a contender's process is given. */
export interface Bench {
  /** Of a server that was emptied for this process. */
  readonly url: string
  readonly serverPid: number
  readonly effort: Effort
}

/** One number that a run yields. */
export interface Metric {
  readonly name: string
  readonly title: string
  readonly better: 'more' | 'less'
  /** Decimals that are shown. */
  readonly digits: number
}

/** Metrics by name: of one run, or the medians of all. */
export type Numbers = Readonly<Record<string, number>>

/** The medians of each contender that ran. */
export type Standing = ReadonlyMap<string, Numbers>

/** A promise of the design, with its bound. */
export interface Target {
  readonly text: string
  readonly atLeast?: number
  readonly atMost?: number
  /** Whether `value` is a ratio of ours to a peer's. */
  readonly isRatio: boolean
  /** The number that is held against the bound; undefined where a contender that it needs did not run. */
  value(standing: Standing): number | undefined
  /** The same ratio by processor time, which a busy machine disturbs less than throughput. */
  byCpu?(standing: Standing): number | undefined
}

/** One comparison: the same work done by every contender. */
export interface Row {
  readonly name: string
  readonly title: string
  /** The first is ours. */
  readonly contenders: readonly [string, ...string[]]
  /** The first is what is compared. */
  readonly metrics: readonly [Metric, ...Metric[]]
  readonly targets: readonly Target[]
  /** The longest that one run may take. Default 120,000. */
  readonly runMsMax?: number
  /** More runs say nothing new: what is measured is no time. Default: as many as asked for. */
  readonly runsMax?: number
  /** Fills the emptied server before each run, in the parent's process. */
  prepare?(server: RedisServer, effort: Effort): Promise<void>
  /** Runs in a process of its own. Throws where a contender answers anything wrong. */
  measure(contender: string, bench: Bench): Promise<Numbers>
}
