import { posix } from 'node:path'
import type { Breach } from './breach.ts'

const ROOMLESS = /^(.+[-.])?(utils?|helpers?)$/

/** Files and folders whose name only says that nobody knew where to put them. */
export function roomlessNames(paths: readonly string[]): readonly Breach[] {
  return paths
    .filter((path) =>
      path.split('/').some((part) => ROOMLESS.test(posix.parse(part).name.replace(/\.test$/, ''))),
    )
    .map((file) => ({
      rule: 'file-names',
      file,
      line: 1,
      mend: 'name it by the one thing it does, or put its parts where they are used',
    }))
}
