import { quantile } from '../statistics.ts'
import type { Answer } from './orders.ts'

/** One thing that was looked at, with its figure. */
export interface Finding {
  /** In few words, for a cell of the table. */
  readonly figure: string
  /** Whether the promise was kept; undefined: it says nothing of that, or the library does not have what it needs. */
  readonly isKept: boolean | undefined
}

/** How a contender did in a row. */
export interface Verdict {
  /** `cannot`: the library has nothing that the row is about. */
  readonly outcome: 'kept' | 'broken' | 'cannot'
  readonly text: string
}

/** Whether the slowest of these answered within a bound. */
export function inTime(what: string, answers: readonly Answer[], boundMs: number): Finding {
  return inTimeMs(what, answers, Math.max(...answers.map(({ ms }) => ms)), boundMs)
}

/** Whether `share` (0..1) of these answered within a bound. */
export function mostInTime(
  what: string,
  share: number,
  answers: readonly Answer[],
  boundMs: number,
): Finding {
  return inTimeMs(
    what,
    answers,
    quantile(
      answers.map(({ ms }) => ms),
      share,
    ),
    boundMs,
  )
}

/** Whether something came about within a bound; undefined: not while it was waited for. */
export function cameAbout(what: string, ms: number | undefined, boundMs: number, waitedMs: number): Finding {
  if (ms === undefined) return { figure: `${what}: not in ${seconds(waitedMs)}`, isKept: false }
  return { figure: `${what} ${msText(ms)}`, isKept: ms <= boundMs }
}

/** Whether every call was answered with the row's version. Has nothing to say where all were. */
export function right(what: string, answers: readonly Answer[], version: string): Finding {
  const wrong = answers.filter((answer) => answer.version !== version)
  // An answer that never came has its own words; a wrong one says more.
  const first = wrong.find(({ isGivenUp }) => isGivenUp !== true) ?? wrong[0]
  if (first === undefined) return { figure: '', isKept: true }
  const count = answers.length === 1 || first.isGivenUp ? '' : `${wrong.length} of ${answers.length} `
  return { figure: `${what}: ${count}${answerText(first)}`, isKept: false }
}

/** Whether none of these answered with a version that was deleted. */
export function noneOld(what: string, answers: readonly Answer[], version: string): Finding {
  const old = answers.filter((answer) => answer.version !== version).length
  return { figure: `${what}: ${old} of ${answers.length} old`, isKept: old === 0 }
}

/** Whether a count stayed within a bound. */
export function atMost(what: string, count: number, bound: number): Finding {
  return { figure: `${what}: ${plain(count)}`, isKept: count <= bound }
}

/** Whether a count came up to a bound. */
export function atLeast(what: string, count: number, bound: number): Finding {
  return { figure: `${what}: ${plain(count)}`, isKept: count >= bound }
}

/** Whether every caller got the loader's own error. */
export function ownErrors(what: string, answers: readonly Answer[]): Finding {
  const other = answers.find((answer) => answer.isOriginalError !== true)
  return {
    figure: other === undefined ? '' : `${what}: ${answerText(other)}`,
    isKept: other === undefined,
  }
}

/** A condition that needs no words where it holds. */
export function holds(isKept: boolean, otherwise: string): Finding {
  return { figure: isKept ? '' : otherwise, isKept }
}

/** What a library does not have, and so cannot be held to. */
export function cannot(figure: string): Finding {
  return { figure, isKept: undefined }
}

/** All findings of a row, in one word and one line; a process that ended by itself has kept no promise. */
export function verdictOf(findings: readonly Finding[], crash: string | undefined): Verdict {
  // That no answer came is found twice: it was late, and it was not right.
  const figures = [...new Set(findings.map(({ figure }) => figure))].filter((figure) => figure !== '')
  if (crash !== undefined) return { outcome: 'broken', text: [...figures, `crashed: ${crash}`].join(', ') }
  const judged = findings.filter(({ isKept }) => isKept !== undefined)
  const text = figures.length === 0 ? 'as promised' : figures.join(', ')
  if (judged.length === 0) return { outcome: 'cannot', text }
  return { outcome: judged.every(({ isKept }) => isKept) ? 'kept' : 'broken', text }
}

/** An answer that should not have been, in few words. */
function answerText({ ms, version, error, isGivenUp }: Answer): string {
  if (isGivenUp) return `no answer in ${seconds(ms)}`
  if (error !== undefined) return error.length > 70 ? `${error.slice(0, 70)}…` : error
  return version === undefined ? 'answered undefined' : `answered ${JSON.stringify(version)}`
}

function inTimeMs(what: string, answers: readonly Answer[], ms: number, boundMs: number): Finding {
  if (answers.length === 0) return { figure: `${what}: none`, isKept: false }
  const givenUp = answers.find((answer) => answer.isGivenUp && answer.ms <= ms)
  if (givenUp !== undefined) return { figure: `${what}: ${answerText(givenUp)}`, isKept: false }
  return { figure: `${what} ${msText(ms)}`, isKept: ms <= boundMs }
}

function msText(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${plain(Math.round(ms))} ms`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`
}

function plain(count: number): string {
  return count.toLocaleString('en-US')
}
