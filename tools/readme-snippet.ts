/** The first TypeScript block under the heading "## Use" of a README. Throws when there is none. */
export function readmeSnippet(readme: string): string {
  const use = /^## Use$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(readme)?.[1]
  const code = /^```ts\n([\s\S]*?)^```$/m.exec(use ?? '')?.[1]
  if (code === undefined) throw new Error('README.md: expected a ```ts block under "## Use"')
  return code
}

/**
 * The same program for `require()`: each import becomes a call, imports of types are dropped, and the rest
 * runs in an async function, because CommonJS has no top-level await.
 */
export function asCommonJs(code: string): string {
  const imports: string[] = []
  const body = code.replaceAll(
    /^import ([\s\S]*?) from ('[^']+')$/gm,
    (_line, names: string, from: string) => {
      if (!names.startsWith('type ')) imports.push(`const ${bindings(names)} = require(${from})`)
      return ''
    },
  )
  return [...imports, ';(async () => {', body.trim(), '})()', ''].join('\n')
}

/** `{ a as b, type C }` and `* as a`, as they stand to the left of a `=`. */
function bindings(names: string): string {
  if (names.startsWith('* as ')) return names.slice('* as '.length)
  return names.replaceAll(/\btype \w+,?/g, '').replaceAll(/ as /g, ': ')
}
