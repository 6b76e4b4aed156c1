import { posix } from 'node:path'
import type { Node } from 'oxc-parser'
import type { Source } from './source.ts'

/** One import, re-export, `import()` or import type of a file. */
export interface Import {
  readonly specifier: string
  readonly line: number
  /** What it takes for use at run time, `*` where that is not listed; nothing for an import of types. */
  readonly names: readonly string[]
}

/** Everything that a file names of other files, in the order of the text. */
export function importsOf(source: Source): readonly Import[] {
  const found: Import[] = []
  for (const { node } of source.places) {
    const specifier = specifierOf(node)
    if (specifier === undefined) continue
    found.push({ specifier, line: source.lineOf(node.start), names: namesOf(node) })
  }
  return found
}

/** The path of the file that a relative specifier names; undefined for a package or a builtin. */
export function resolveImport(importer: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(importer), specifier) : undefined
}

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'TSImportType':
      return node.source.value
    case 'ExportNamedDeclaration':
      return node.source?.value
    case 'ImportExpression':
      return node.source.type === 'Literal' && typeof node.source.value === 'string'
        ? node.source.value
        : undefined
    default:
      return undefined
  }
}

function namesOf(node: Node): readonly string[] {
  if (node.type === 'TSImportType') return []
  if (node.type === 'ExportAllDeclaration') return node.exportKind === 'type' ? [] : ['*']
  if (node.type !== 'ImportDeclaration') return ['*']
  if (node.importKind === 'type') return []
  return node.specifiers.flatMap((specifier) => {
    if (specifier.type !== 'ImportSpecifier' || specifier.imported.type !== 'Identifier') return ['*']
    return specifier.importKind === 'type' ? [] : [specifier.imported.name]
  })
}
