import type { Node } from 'oxc-parser'
import type { Source } from './source.ts'
import type { SyntaxRule } from './syntax-rules.ts'

/** Codecs and protocol parsers: where bytes become types, and a type can only be asserted. */
const FILES: readonly RegExp[] = [
  /^packages\/core\/src\/codec\//,
  /^packages\/core\/src\/entry\.ts$/,
  /^packages\/(redis|memcached)\/src\/(.+\/)?(resp|meta)-[^/]+\.ts$/,
  /^packages\/testkit\/src\/history\/read-history\.ts$/,
  /^packages\/wire\/src\/(.+\/)?(frame|framing)[^/]*\.ts$/,
]

/** `as` only in codecs and protocol parsers, and there with a comment that says why it holds. */
export const reasonedAs: SyntaxRule = {
  name: 'reasoned-as',
  mendOf({ node }, source) {
    const isAssertion = node.type === 'TSAsExpression' || node.type === 'TSTypeAssertion'
    if (!isAssertion || isConst(node.typeAnnotation)) return undefined
    if (!FILES.some((file) => file.test(source.path))) {
      return "'as' only in codecs and protocol parsers: narrow with a check, or use satisfies"
    }
    return hasReason(node, source)
      ? undefined
      : 'say why it holds in a comment on this line or the one before'
  },
}

function isConst(type: Node): boolean {
  return (
    type.type === 'TSTypeReference' && type.typeName.type === 'Identifier' && type.typeName.name === 'const'
  )
}

function hasReason(node: Node, source: Source): boolean {
  const first = source.lineOf(node.start)
  const last = source.lineOf(node.end - 1)
  return source.comments.some((comment) => {
    const end = source.lineOf(comment.end - 1)
    return end >= first - 1 && end <= last
  })
}
