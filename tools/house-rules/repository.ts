import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseSource, type Source } from './source.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOREIGN = ['**/node_modules/**', '**/dist/**']

/** Paths from the root of the repository that match, sorted; what is built or installed is left out. */
export function listFiles(...patterns: readonly string[]): readonly string[] {
  return globSync(patterns, { cwd: ROOT, exclude: FOREIGN })
    .map((path) => path.replaceAll(sep, '/'))
    .sort()
}

/** The text of a file of the repository. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Every TypeScript file that matches, parsed. */
export function parseFiles(...patterns: readonly string[]): readonly Source[] {
  return listFiles(...patterns).map((path) => parseSource(path, readText(path)))
}
