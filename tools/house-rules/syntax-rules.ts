import type { Node } from 'oxc-parser'
import type { Breach } from './breach.ts'
import type { Place, Source } from './source.ts'

/** A rule about the text of one file. */
export interface SyntaxRule {
  readonly name: string
  /** What is wrong with a place, and what to do instead; undefined where nothing is. */
  mendOf(place: Place, source: Source): string | undefined
}

/** Every place of a file that breaks the rule. */
export function breachesOf(rule: SyntaxRule, source: Source): readonly Breach[] {
  return source.places.flatMap((place) => {
    const mend = rule.mendOf(place, source)
    if (mend === undefined) return []
    return [{ rule: rule.name, file: source.path, line: source.lineOf(place.node.start), mend }]
  })
}

const noAny: SyntaxRule = {
  name: 'no-any',
  mendOf: ({ node }) => (node.type === 'TSAnyKeyword' ? 'write unknown, and narrow it' : undefined),
}

const noNonNull: SyntaxRule = {
  name: 'no-non-null',
  mendOf({ node }) {
    const isDefinite = 'definite' in node && node.definite === true
    if (node.type !== 'TSNonNullExpression' && !isDefinite) return undefined
    return "'!' hides an undefined; handle it, or hold the value where it cannot be one"
  },
}

const noDefaultExport: SyntaxRule = {
  name: 'no-default-export',
  mendOf({ node }) {
    const isNamed = node.type === 'ExportSpecifier' && nameOf(node.exported) === 'default'
    if (node.type !== 'ExportDefaultDeclaration' && !isNamed) return undefined
    return 'export it by the name of the file'
  },
}

const noExportStar: SyntaxRule = {
  name: 'no-export-star',
  mendOf: ({ node }) =>
    node.type === 'ExportAllDeclaration' ? 'list the names, so that what is public is decided' : undefined,
}

const erasable: SyntaxRule = {
  name: 'erasable',
  mendOf({ node }) {
    if (node.type === 'TSEnumDeclaration') return 'no enum: write a union of literals'
    if (node.type === 'TSParameterProperty') return 'no parameter property: declare the field, and assign it'
    const isNamespace = node.type === 'TSModuleDeclaration' && node.kind === 'namespace'
    return isNamespace ? 'no namespace: a file is one' : undefined
  },
}

const noConsole: SyntaxRule = {
  name: 'no-console',
  mendOf: ({ node, parents: [parent] }) =>
    isReference(node, parent, 'console')
      ? 'a library has no terminal: log through what it was given'
      : undefined,
}

/** Whether a node is a use of a global name, not a property or a key of that name. */
export function isReference(node: Node, parent: Node | undefined, name: string): boolean {
  if (node.type !== 'Identifier' || node.name !== name) return false
  if (parent?.type === 'MemberExpression') return parent.object === node || parent.computed
  const isComputed = parent !== undefined && 'computed' in parent && parent.computed
  const isKey = parent !== undefined && 'key' in parent && parent.key === node && !isComputed
  return !isKey
}

function nameOf(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.name
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined
}

/** The rules that need nothing but a node and what is around it. */
export const syntaxRules: readonly SyntaxRule[] = [
  noAny,
  noNonNull,
  noDefaultExport,
  noExportStar,
  erasable,
  noConsole,
]
