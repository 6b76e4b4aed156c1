import type { Standing, Target } from './row.ts'

/** The metric by which contenders are compared where others compete for the processor. */
export const CPU = 'cpuMicros'

/** `ours` of a metric where more is better, over the best of the peers'. */
export function timesBest(
  metric: string,
  ours: string,
  peers: readonly string[],
  atLeast: number,
  text = `≥ ${atLeast} × ${peers.length > 1 ? `the best of ${peers.join(', ')}` : peers[0]}`,
): Target {
  return {
    text: `${ours === 'holdfast' ? '' : `${ours}: `}${text}`,
    atLeast,
    isRatio: true,
    value(standing) {
      const own = standing.get(ours)?.[metric]
      const best = Math.max(...numbersOf(standing, metric, peers))
      return own === undefined || best === Number.NEGATIVE_INFINITY ? undefined : own / best
    },
    byCpu(standing) {
      const own = standing.get(ours)?.[CPU]
      const best = Math.min(...numbersOf(standing, CPU, peers))
      return own === undefined || best === Number.POSITIVE_INFINITY ? undefined : best / own
    },
  }
}

/** `ours` of a metric where less is better, over one peer's. */
export function timesPeer(metric: string, ours: string, peer: string, atMost: number, text: string): Target {
  return {
    text,
    atMost,
    isRatio: true,
    value(standing) {
      const own = standing.get(ours)?.[metric]
      const other = standing.get(peer)?.[metric]
      return own === undefined || other === undefined ? undefined : own / other
    },
  }
}

/** A metric of ours under a fixed bound. */
export function bounded(metric: string, atMost: number, text: string, ours = 'holdfast'): Target {
  return { text, atMost, isRatio: false, value: (standing) => standing.get(ours)?.[metric] }
}

/** Whether a value is within a target's bound. */
export function isMet(target: Target, value: number): boolean {
  return (
    value >= (target.atLeast ?? Number.NEGATIVE_INFINITY) &&
    value <= (target.atMost ?? Number.POSITIVE_INFINITY)
  )
}

function numbersOf(standing: Standing, metric: string, contenders: readonly string[]): number[] {
  return contenders.flatMap((name) => standing.get(name)?.[metric] ?? [])
}
