import type { Breach } from './breach.ts'
import {
  coreLayers,
  packageImports,
  partsLayer,
  socketFreeNames,
  socketModules,
  socketPackages,
} from './import-table.ts'
import { type Import, importsOf, resolveImport } from './imports.ts'
import type { Source } from './source.ts'

const TABLE = 'tools/house-rules/import-table.ts'

/** Imports that the table of packages, or the layers of core, do not allow. */
export function importDirections(source: Source): readonly Breach[] {
  const name = packageOf(source.path)
  if (name === undefined) return []
  const allowed = packageImports[name]
  if (allowed === undefined) {
    return [breach(source, 1, `packages/${name} is unknown; give it a row in ${TABLE} (and in the design)`)]
  }
  const breaches = name === 'core' ? layerOfFile(source) : []
  for (const found of importsOf(source)) {
    const mend = mendOf(source.path, found, name, allowed)
    if (mend !== undefined) breaches.push(breach(source, found.line, mend))
  }
  return breaches
}

function mendOf(path: string, found: Import, name: string, allowed: readonly string[]): string | undefined {
  const { specifier } = found
  const target = resolveImport(path, specifier)
  if (target !== undefined) {
    if (packageOf(target) !== name || !target.includes('/src/')) {
      return `'${specifier}' leaves the package; import it by the package's name`
    }
    return name === 'core' ? layerMend(path, target) : undefined
  }
  if (specifier.startsWith('node:')) {
    const canOpen = opensSockets(found) && !socketPackages.includes(name)
    return canOpen ? `'${specifier}': sockets are opened only in packages/wire; ask it for one` : undefined
  }
  if (allowed.includes(specifier)) return undefined
  const list = allowed.length === 0 ? 'node: builtins only' : `${allowed.join(', ')} and node: builtins`
  return `packages/${name} may not import '${specifier}', but ${list}; turn the dependency round`
}

function opensSockets({ specifier, names }: Import): boolean {
  return socketModules.includes(specifier) && names.some((name) => !socketFreeNames.includes(name))
}

function layerMend(from: string, to: string): string | undefined {
  const [fromPart, toPart] = [corePart(from), corePart(to)]
  const [fromLayer, toLayer] = [layerOf(fromPart), layerOf(toPart)]
  if (fromLayer === -1) return undefined // told once, for the whole file
  if (toLayer > fromLayer) {
    return `${fromPart} (layer ${fromLayer}) imports ${toPart} (layer ${toLayer}): imports only go down; pass it in, or move it down`
  }
  if (fromLayer === partsLayer && toLayer === partsLayer && fromPart !== toPart) {
    return `${fromPart} imports ${toPart}: parts do not import each other; let runtime or flow bring them together`
  }
  return undefined
}

function layerOfFile(source: Source): Breach[] {
  const part = corePart(source.path)
  if (layerOf(part) !== -1) return []
  return [
    breach(
      source,
      1,
      `core/src/${part} has no layer; put it into a folder that has, or give it one in ${TABLE}`,
    ),
  ]
}

function layerOf(part: string): number {
  return coreLayers.findIndex((names) => names.includes(part))
}

/** The name by which the layers know a file of core/src. */
function corePart(path: string): string {
  return (path.split('/')[3] ?? '').replace(/\.ts$/, '')
}

function packageOf(path: string): string | undefined {
  const [top, name] = path.split('/')
  return top === 'packages' ? name : undefined
}

function breach(source: Source, line: number, mend: string): Breach {
  return { rule: 'import-table', file: source.path, line, mend }
}
