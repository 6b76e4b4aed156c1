/** Each rule catches a snippet that breaks it, and leaves its neighbour alone: a check that cannot fail is none. */
import { describe, expect, test } from 'vitest'
import { describeBreach } from './breach.ts'
import { clockOnly } from './clock-only.ts'
import { documentLength } from './document-lengths.ts'
import { roomlessNames } from './file-names.ts'
import { importCycles } from './import-cycles.ts'
import { importDirections } from './import-directions.ts'
import { literalPieces, loggedLines } from './logged-lines.ts'
import { manifestBreaches } from './manifests.ts'
import { openEnds } from './no-open-ends.ts'
import { reasonedAs } from './reasoned-as.ts'
import { parseSource, type Source } from './source.ts'
import { breachesOf, type SyntaxRule, syntaxRules } from './syntax-rules.ts'

const rules: readonly SyntaxRule[] = [...syntaxRules, reasonedAs, clockOnly]

/** Which rules a snippet breaks, as `rule:line`. */
function broken(text: string, path = 'packages/core/src/flow/read.ts'): readonly string[] {
  const source = parseSource(path, text)
  return rules.flatMap((rule) => breachesOf(rule, source)).map((breach) => `${breach.rule}:${breach.line}`)
}

describe('a rule of syntax catches', () => {
  test.each([
    ['no-any', 'export function f(x: any): void {}'],
    ['no-any', 'const x: Map<string, any[]> = new Map()'],
    ['no-non-null', 'const x = y!.z'],
    ['no-non-null', 'let x!: number'],
    ['no-non-null', 'class A { x!: number }'],
    ['no-default-export', 'export default class A {}'],
    ['no-default-export', 'const a = 1; export { a as default }'],
    ['no-export-star', `export * from './a.ts'`],
    ['no-export-star', `export type * from './a.ts'`],
    ['no-export-star', `export * as a from './a.ts'`],
    ['erasable', 'enum A { B }'],
    ['erasable', 'const enum A { B }'],
    ['erasable', 'namespace A { export const b = 1 }'],
    ['erasable', 'class A { constructor(private readonly b: string) {} }'],
    ['no-console', `console.log('x')`],
    ['no-console', 'const log = console'],
    ['reasoned-as', 'const x = y as string'],
    ['reasoned-as', 'const x = y as unknown /* why */'],
    ['reasoned-as', 'const x = <string>y'],
    ['clock-only', 'const t = Date.now()'],
    ['clock-only', 'const t = globalThis.Date.now()'],
    ['clock-only', 'const now = performance.now'],
    ['clock-only', 'const t = new Date()'],
    ['clock-only', 'const r = Math.random()'],
    ['clock-only', 'setTimeout(f, 1)'],
    ['clock-only', 'globalThis.setTimeout(f, 1)'],
    ['clock-only', 'const timers = { setInterval }'],
    ['clock-only', `import * as timers from 'node:timers/promises'`],
    ['clock-only', `import { setImmediate, scheduler } from 'node:timers/promises'`],
    ['clock-only', `import { setTimeout as pause } from 'node:timers/promises'`],
    ['clock-only', 'const s = AbortSignal.timeout(5)'],
    ['clock-only', 'const id = randomUUID()'],
  ])('%s in: %s', (rule, text) => {
    expect(broken(`\n${text}\n`)).toContain(`${rule}:2`)
  })
})

describe('the rules of syntax leave alone', () => {
  test.each([
    'const x = [1] as const; const y = { a: 1 } satisfies Record<string, number>',
    `import { a as b } from './a.ts'; export { b as c }`,
    `declare global { interface A {} } declare module 'x' {}`,
    'const any = 1; const s = "console.log(y!) as any"; // enum, Date.now()',
    'socket.setTimeout(0); const o = { console: 1, setTimeout: 2 }; o.console',
    'setImmediate(f); queueMicrotask(f); process.nextTick(f); clearTimeout(t)',
    `import { setImmediate as turn } from 'node:timers/promises'`,
    'const d = new Date(0); const n = Math.max(1, 2); if (!x) y()',
    'interface Clock { now(): number; setTimeout(f: () => void): void }',
  ])('%s', (text) => {
    expect(broken(text)).toEqual([])
  })

  test('a file called clock.ts that reads the clock', () => {
    expect(broken('export const now = Date.now', 'packages/wire/src/clock.ts')).toEqual([])
    expect(broken('export const now = Date.now', 'packages/wire/src/my-clock.ts')).toEqual(['clock-only:1'])
  })

  test.each([
    'packages/core/src/codec/tagged.ts',
    'packages/core/src/entry.ts',
    'packages/redis/src/resp-parser.ts',
    'packages/memcached/src/protocol/meta-reply.ts',
    'packages/wire/src/framing.ts',
  ])("an 'as' with its reason in %s, and not one without", (path) => {
    expect(broken('// checked by the flag above\nconst x = y as string', path)).toEqual([])
    expect(broken('const x = y as string // checked by the flag above', path)).toEqual([])
    expect(broken('// far away\n\nconst x = y as string', path)).toEqual(['reasoned-as:3'])
  })
})

function sourcesOf(files: Readonly<Record<string, string>>): readonly Source[] {
  return Object.entries(files).map(([path, text]) => parseSource(path, text))
}

describe('import cycles', () => {
  test.each([
    ['of two files', { 'a.ts': `import './b.ts'`, 'b.ts': `import './a.ts'` }],
    ['of types', { 'a.ts': `import type { B } from './b.ts'`, 'b.ts': `export type { A } from './a.ts'` }],
    ['of an import type', { 'a.ts': `let b: import('./b.ts').B`, 'b.ts': `import './a.ts'` }],
    ['of a dynamic import', { 'a.ts': `import('./b.ts')`, 'b.ts': `import './a.ts'` }],
    ['through three', { 'a.ts': `import './b.ts'`, 'b.ts': `import './c.ts'`, 'c.ts': `import './a.ts'` }],
    ['of one file', { 'a.ts': `import './a.ts'` }],
  ])('%s are found', (_which, files) => {
    expect(importCycles(sourcesOf(files))).toHaveLength(1)
  })

  test('are told with the way round', () => {
    const files = { 's/a.ts': `\nimport './d/b.ts'`, 's/d/b.ts': `\nimport '../a.ts'` }
    expect(importCycles(sourcesOf(files)).map(describeBreach)).toEqual([
      's/d/b.ts:2  no-import-cycle: s/a.ts -> s/d/b.ts -> s/a.ts; move what both need into a file below them',
    ])
  })

  test('are not seen in a diamond', () => {
    const files = {
      'a.ts': `import './b.ts'; import './c.ts'`,
      'b.ts': `import './d.ts'`,
      'c.ts': `import './d.ts'`,
    }
    expect(importCycles(sourcesOf({ ...files, 'd.ts': '' }))).toEqual([])
  })
})

/** What the import table says of one import in one file. */
function directions(path: string, specifier: string, kind = 'import'): readonly string[] {
  const breaches = importDirections(parseSource(path, `${kind} { x } from '${specifier}'`))
  return breaches.map(({ mend }) => mend)
}

describe('the import table refuses', () => {
  test.each([
    ['packages/core/src/runtime.ts', 'lru-cache', 'may not import'],
    ['packages/core/src/runtime.ts', '@holdfast/redis', 'may not import'],
    ['packages/wire/src/socket.ts', 'holdfast/contracts', 'may not import'],
    ['packages/redis/src/store.ts', 'holdfast', 'may not import'],
    ['packages/redis/src/store.ts', '@holdfast/testkit', 'may not import'],
    ['packages/redis/src/store.ts', '../../core/src/keys.ts', 'leaves the package'],
    ['packages/redis/src/store.ts', '../dist/index.js', 'leaves the package'],
    ['packages/redis/src/store.ts', 'node:net', 'sockets are opened only'],
    ['packages/cli/src/doctor.ts', 'node:tls', 'sockets are opened only'],
    ['packages/valkey/src/index.ts', 'node:fs', 'give it a row'],
    ['packages/core/src/clock.ts', './contracts.ts', 'only go down'],
    ['packages/core/src/contracts.ts', './runtime.ts', 'only go down'],
    ['packages/core/src/guard/timeout.ts', '../runtime.ts', 'only go down'],
    ['packages/core/src/flow/read.ts', '../cache.ts', 'only go down'],
    ['packages/core/src/guard/timeout.ts', '../memory/memory-store.ts', 'parts do not import each other'],
    ['packages/core/src/odds-and-ends.ts', 'node:fs', 'has no layer'],
  ])('in %s: %s', (path, specifier, mend) => {
    expect(directions(path, specifier)).toEqual([expect.stringContaining(mend)])
    if (!specifier.startsWith('node:')) expect(directions(path, specifier, 'import type')).toHaveLength(1)
  })
})

describe('the import table allows', () => {
  test.each([
    ['packages/core/src/runtime.ts', './memory/memory-store.ts'],
    ['packages/core/src/flow/read.ts', './load.ts'],
    ['packages/core/src/memory/policies/lru.ts', '../weight.ts'],
    ['packages/core/src/codec/json.ts', '../../src/errors.ts'],
    ['packages/core/src/index.ts', './create-cache.ts'],
    ['packages/redis/src/store.ts', '@holdfast/wire'],
    ['packages/wire/src/connect.ts', 'node:tls'],
  ])('in %s: %s', (path, specifier) => {
    expect(directions(path, specifier)).toEqual([])
  })

  test.each([
    `import type { TLSSocket } from 'node:tls'`,
    `import { type Socket } from 'node:net'`,
    `import { isIP } from 'node:net'`,
  ])('what opens no socket anywhere: %s', (text) => {
    expect(importDirections(parseSource('packages/redis/src/store.ts', text))).toEqual([])
  })
})

describe('the rules of files', () => {
  test('catch an open end in a comment, not in a string', () => {
    const mark = ['TO', 'DO'].join('')
    const breaches = openEnds(parseSource('a.ts', `const x = '${mark}'\n// ${mark}: later\n/* FIX${'ME'} */`))
    expect(breaches.map(({ line }) => line)).toEqual([2, 3])
  })

  test('catch names without a room', () => {
    const roomless = [
      'a/utils.ts',
      'a/helper.test.ts',
      'a/string-utils.ts',
      'a/helpers/x.ts',
      'a/test.util.ts',
    ]
    expect(roomlessNames(roomless).map(({ file }) => file)).toEqual(roomless)
    expect(roomlessNames(['a/utility-rates.ts', 'a/helping.ts'])).toEqual([])
  })

  test('catch versions that may move', () => {
    const moving = ['^1.0.0', '~1.0.0', '1.x', '*', 'latest', '>=1.0.0', 'file:../a']
    for (const version of moving) {
      const text = `{\n  "devDependencies": {\n    "a": "${version}" } }`
      expect(manifestBreaches('package.json', text).map(({ line }) => line)).toEqual([3])
    }
    expect(manifestBreaches('package.json', '{ "peerDependencies": { "a": "1.2.3-rc.1" } }')).toEqual([])
  })

  test.each(['dependencies', 'peerDependencies', 'optionalDependencies'])('catch %s of core', (kind) => {
    const text = JSON.stringify({ [kind]: { a: '1.0.0' } })
    expect(manifestBreaches('packages/core/package.json', text)).toHaveLength(1)
  })

  test.each([
    ['README.md', 150],
    ['packages/core/README.md', 150],
    ['ARCHITECTURE.md', 300],
    ['CONTRIBUTING.md', 80],
    ['docs/adr/0001-own-socket.md', 60],
  ])('catch a %s above %i lines', (file, linesMax) => {
    expect(documentLength(file, 'x\n'.repeat(linesMax))).toEqual([])
    expect(documentLength(file, 'x\n'.repeat(linesMax + 1))).toHaveLength(1)
  })
})

describe('lines that a document says are logged', () => {
  const source = `log(\`L2 \${address} is lost (\${why}); going on without it\`); const FULL = 'it is full (-M)'`
  const pieces = literalPieces([parseSource('a.ts', source)])
  const linesOf = (cell: string): readonly number[] => {
    const table = `| | |\n|---|---|\n| ${cell} | \`not looked at\` |\n`
    const document = `# X\n\n## What is logged\n\n${table}\n## Next\n\n| \`not looked at\` | |\n`
    return loggedLines('docs/operate/x.md', document, pieces).map(({ line }) => line)
  }

  test.each([
    '`L2 … is lost (…); going on without it`',
    '`is lost (…); going on without it`, `it is full (-M)`: words of ours',
  ])('are left alone where a source says them: %s', (cell) => {
    expect(linesOf(cell)).toEqual([])
  })

  test.each([
    '`is lost (…); going on with it`',
    '`is lost (why); going on without it`',
    '`it is full (-M)`, `nobody says this`',
    '`… L2 …`',
  ])('are caught where none does: %s', (cell) => {
    expect(linesOf(cell)).toEqual([7])
  })

  test('are looked for in vain where a document has none', () => {
    expect(() => linesOf('words')).toThrow('docs/operate/x.md: expected "## What is logged"')
  })
})
