import { describe, expect, test } from 'vitest'
import { type Breach, describeBreach } from './breach.ts'
import { clockOnly } from './clock-only.ts'
import { documentLength } from './document-lengths.ts'
import { roomlessNames } from './file-names.ts'
import { importCycles } from './import-cycles.ts'
import { importDirections } from './import-directions.ts'
import { literalPieces, loggedLines } from './logged-lines.ts'
import { manifestBreaches } from './manifests.ts'
import { openEnds } from './no-open-ends.ts'
import { reasonedAs } from './reasoned-as.ts'
import { listFiles, parseFiles, readText } from './repository.ts'
import { breachesOf, syntaxRules } from './syntax-rules.ts'

const everything = parseFiles('{packages,examples,sim,tools,bench}/**/*.ts')
// What is published: `testing/` folders hold what tests share, and are left out of builds and packages.
const libraries = everything.filter(
  ({ path }) => /^packages\/[^/]+\/src\/.*(?<!\.test)\.ts$/.test(path) && !path.includes('/testing/'),
)

/** Fails with one line a breach: where, which rule, what to do. */
function expectNone(breaches: readonly Breach[]): void {
  expect(breaches.map(describeBreach)).toEqual([])
}

describe('the libraries', () => {
  test('are what the rules look at', () => {
    expect(libraries.map(({ path }) => path)).toContain('packages/core/src/contracts.ts')
  })

  test('hold no import cycle', () => expectNone(importCycles(libraries)))

  test('import only what the table and the layers allow', () =>
    expectNone(libraries.flatMap(importDirections)))

  test.each([...syntaxRules, reasonedAs, clockOnly])('keep the rule $name', (rule) => {
    expectNone(libraries.flatMap((source) => breachesOf(rule, source)))
  })
})

describe('the repository', () => {
  test('leaves no open end in a comment', () => expectNone(everything.flatMap(openEnds)))

  test('has a name for every file', () => expectNone(roomlessNames(everything.map(({ path }) => path))))

  test('pins every dependency, and core has none', () => {
    const manifests = listFiles(
      'package.json',
      '{packages,examples,sim}/*/package.json',
      'tools/package.json',
    )
    expect(manifests).toContain('packages/core/package.json')
    expectNone(manifests.flatMap((file) => manifestBreaches(file, readText(file))))
  })

  test('keeps documents to a sitting', () => {
    const documents = listFiles('*.md', '{docs,packages,examples,sim,tools}/**/*.md')
    expectNone(documents.flatMap((file) => documentLength(file, readText(file))))
  })

  test('quotes lines of the log as the sources say them', () => {
    // What only tests use logs nothing to an operator.
    const pieces = literalPieces(libraries.filter(({ path }) => !path.startsWith('packages/testkit/')))
    const documents = listFiles('docs/operate/{redis,memcached}.md')
    expect(documents).toHaveLength(2)
    expectNone(documents.flatMap((file) => loggedLines(file, readText(file), pieces)))
  })
})
