import type { Breach } from './breach.ts'
import type { Source } from './source.ts'

const MARK = /\b(TODO|FIXME)\b/

/** Comments that promise work for later. */
export function openEnds(source: Source): readonly Breach[] {
  return source.comments
    .filter((comment) => MARK.test(comment.value))
    .map((comment) => ({
      rule: 'no-open-ends',
      file: source.path,
      line: source.lineOf(comment.start),
      mend: 'do it now, or open an issue and say in the code what holds today',
    }))
}
