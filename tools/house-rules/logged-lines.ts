import type { Breach } from './breach.ts'
import type { Source } from './source.ts'

/** The part of a document that quotes what is logged: its tables hold a line in each code span of a first cell. */
const SECTION = /^## What is logged$(?<rows>[\s\S]*?)(?=^## |$(?![\s\S]))/m
const CODE_SPAN = /`([^`]+)`/g
// Shorter pieces are found anywhere: "L2", "(-C)".
const TELLING_LETTERS_MIN = 5
// Between two pieces of a line stands what belongs to either.
const ENDS = /^[\s:;,]+|[\s:;,]+$/g

/** The literal pieces of these sources' texts: a line that is logged is put together of them. */
export function literalPieces(sources: readonly Source[]): readonly string[] {
  return sources.flatMap(({ places }) =>
    places.flatMap(({ node }) => {
      if (node.type === 'TemplateElement') return node.value.cooked ?? []
      return node.type === 'Literal' && typeof node.value === 'string' ? node.value : []
    }),
  )
}

/**
 * Lines that a document says are logged, and no source says. `…` stands for what the moment fills in; what is between two
 * of them has to stand in one literal. Throws where the document has no such section, or no line in it.
 */
export function loggedLines(file: string, text: string, pieces: readonly string[]): readonly Breach[] {
  const section = SECTION.exec(text)
  const before = text.slice(0, section?.index).split('\n').length
  const breaches: Breach[] = []
  let quoted = 0
  for (const [i, row] of (section?.groups?.rows ?? '').split('\n').entries()) {
    const cell = /^\| (?<first>.*?) \|/.exec(row)?.groups?.first ?? ''
    for (const [, line = ''] of cell.matchAll(CODE_SPAN)) {
      quoted++
      const mend = mendOf(line, pieces)
      if (mend !== undefined) breaches.push({ rule: 'logged-lines', file, line: before + i, mend })
    }
  }
  if (quoted === 0)
    throw new Error(`${file}: expected "## What is logged", and lines in code spans in a table`)
  return breaches
}

function mendOf(line: string, pieces: readonly string[]): string | undefined {
  const said = line.split('…').map((part) => part.replace(ENDS, ''))
  if (!said.some((part) => part.length >= TELLING_LETTERS_MIN))
    return `"${line}" quotes too little to be found`
  const unknown = said.find((part) => !pieces.some((piece) => piece.includes(part)))
  return unknown === undefined
    ? undefined
    : `no source says "${unknown}": quote what is logged, … for what varies`
}
