import type { Breach } from './breach.ts'

/** Documents that are read in one sitting, and the lines that such a sitting takes. */
const LIMITS: readonly { readonly file: RegExp; readonly linesMax: number; readonly mend: string }[] = [
  { file: /(^|\/)README\.md$/, linesMax: 150, mend: 'move what is no first step into docs/' },
  {
    file: /(^|\/)ARCHITECTURE\.md$/,
    linesMax: 300,
    mend: 'keep problem, overview, decisions; the rest is an ADR',
  },
  { file: /^CONTRIBUTING\.md$/, linesMax: 80, mend: 'keep what is needed before the first change' },
  {
    file: /(^|\/)adr\/[^/]+\.md$/,
    linesMax: 60,
    mend: 'an ADR is one page: context, options, decision, doubt',
  },
]

/** A document that outgrew its kind. */
export function documentLength(file: string, text: string): readonly Breach[] {
  const lines = text.trimEnd().split('\n').length
  return LIMITS.filter((limit) => limit.file.test(file) && lines > limit.linesMax).map((limit) => ({
    rule: 'document-length',
    file,
    line: limit.linesMax + 1,
    mend: `${lines} lines, at most ${limit.linesMax}: ${limit.mend}`,
  }))
}
