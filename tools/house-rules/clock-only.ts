import type { ImportDeclaration, Node } from 'oxc-parser'
import type { Place } from './source.ts'
import { isReference, type SyntaxRule } from './syntax-rules.ts'

/** Methods that read time, make chance or start a timer; `globalThis.` before them changes nothing. */
const METHODS: ReadonlySet<string> = new Set([
  'Date.now',
  'performance.now',
  'performance.timeOrigin',
  'process.hrtime',
  'Math.random',
  'crypto.randomUUID',
  'crypto.getRandomValues',
  'AbortSignal.timeout',
  'globalThis.setTimeout',
  'globalThis.setInterval',
])
const FUNCTIONS: readonly string[] = [
  'setTimeout',
  'setInterval',
  'randomBytes',
  'randomFillSync',
  'randomInt',
  'randomUUID',
]
const MODULES: readonly string[] = ['node:timers', 'node:timers/promises']

/** Time, timers and chance come from clock.ts alone, so that a simulator can run the real code on its own. */
export const clockOnly: SyntaxRule = {
  name: 'clock-only',
  mendOf(place, source) {
    if (/(^|\/)clock\.ts$/.test(source.path)) return undefined
    const used = sourceOfTime(place)
    return used === undefined
      ? undefined
      : `${used} belongs in clock.ts: take it from the Clock you are given`
  },
}

function sourceOfTime({ node, parents: [parent] }: Place): string | undefined {
  if (node.type === 'MemberExpression') return memberName(node)
  if (node.type === 'ImportDeclaration' && importsTimers(node)) return node.source.value
  if (node.type === 'NewExpression' && node.arguments.length === 0 && isDate(node.callee)) return 'new Date()'
  if (node.type === 'CallExpression' && isDate(node.callee)) return 'Date()'
  return FUNCTIONS.find((name) => isReference(node, parent, name))
}

/** setImmediate waits for no time, and is free. */
function importsTimers(node: ImportDeclaration): boolean {
  if (!MODULES.includes(node.source.value)) return false
  return !node.specifiers.every(
    (specifier) =>
      specifier.type === 'ImportSpecifier' &&
      specifier.imported.type === 'Identifier' &&
      specifier.imported.name === 'setImmediate',
  )
}

function memberName(node: Node): string | undefined {
  if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier')
    return undefined
  const { object } = node
  const owner = object.type === 'MemberExpression' && !object.computed ? object.property : object
  if (owner.type !== 'Identifier') return undefined
  const name = `${owner.name}.${node.property.name}`
  return METHODS.has(name) ? name : undefined
}

function isDate(callee: Node): boolean {
  return callee.type === 'Identifier' && callee.name === 'Date'
}
