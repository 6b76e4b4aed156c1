import type { Findings } from './findings.ts'
import type { FillEvent, InvalidateEvent, ReadEvent, SetEvent } from './history-event.ts'
import type { HistoryIndex, KeyHistory } from './history-index.ts'

/** A10, A12 and A14: what can be told from one event and what was written. */
export function checkValues(index: HistoryIndex, deadlineMs: number | undefined, findings: Findings): void {
  for (const history of index.keys.values()) {
    for (const event of [...history.reads, ...history.fills]) checkOrigin(history, event, findings)
    for (const read of history.reads) checkDeadline(read, deadlineMs, findings)
    for (const event of [...history.fills, ...history.sets]) checkTruth(event, findings)
  }
  for (const event of index.invalidations) checkTruth(event, findings)
}

/** A10. A key that nothing wrote during the run tells nothing about its versions. */
function checkOrigin(history: KeyHistory, event: ReadEvent | FillEvent, findings: Findings): void {
  const { version, valueKey = history.key } = event
  if (valueKey !== history.key) {
    findings.add('A10', event, `the value carries the key ${JSON.stringify(valueKey)}`)
  }
  if (version === undefined || version < history.lowestVersion) return
  const origin = history.origin(version)
  if (origin === undefined) {
    if (history.lowestVersion < Number.POSITIVE_INFINITY) {
      findings.add('A10', event, `version ${version} was never written`)
    }
  } else if (origin.startMs > event.endMs) {
    findings.add('A10', event, `version ${version} was not written before ${origin.startMs.toFixed(3)} ms`)
  }
}

/** A12. */
function checkDeadline(read: ReadEvent, deadlineMs: number | undefined, findings: Findings): void {
  const tookMs = read.endMs - read.startMs
  if (read.result === 'unfinished') {
    findings.add('A12', read, `still waiting after ${tookMs.toFixed(3)} ms, when the run ended`)
  } else if (deadlineMs !== undefined && tookMs > deadlineMs) {
    findings.add('A12', read, `took ${tookMs.toFixed(3)} ms of ${deadlineMs}`)
  }
}

/** A14. */
function checkTruth(event: FillEvent | SetEvent | InvalidateEvent, findings: Findings): void {
  const isReported = event.result === 'applied' || event.result === 'stored'
  if (isReported && event.serverAcked === false) {
    findings.add('A14', event, `reported as ${event.result}, and the server had acknowledged nothing`)
  }
}
