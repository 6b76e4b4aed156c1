import type { Breach } from './breach.ts'
import { type Import, importsOf, resolveImport } from './imports.ts'
import type { Source } from './source.ts'

interface Edge {
  readonly to: string
  readonly line: number
}

/** Files that need each other, type-only imports included. Each cycle is told once, at the import that closes it. */
export function importCycles(sources: readonly Source[]): readonly Breach[] {
  const edges = new Map(sources.map((source) => [source.path, edgesOf(source)]))
  const breaches: Breach[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (done.has(path)) return
    for (const { to, line } of edges.get(path) ?? []) {
      const start = [...trail, path].indexOf(to)
      if (start === -1) visit(to, [...trail, path])
      else breaches.push(cycle(path, line, [...[...trail, path].slice(start), to]))
    }
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
  return breaches
}

function edgesOf(source: Source): readonly Edge[] {
  return importsOf(source).flatMap(({ specifier, line }: Import) => {
    const to = resolveImport(source.path, specifier)
    return to === undefined ? [] : [{ to, line }]
  })
}

function cycle(file: string, line: number, around: readonly string[]): Breach {
  const mend = `${around.join(' -> ')}; move what both need into a file below them`
  return { rule: 'no-import-cycle', file, line, mend }
}
