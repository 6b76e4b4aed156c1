import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { closingLine } from './closing-line.ts'

const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')
const reporter = join(import.meta.dirname, 'closing-line.ts')

/** Runs vitest on these files in a folder of their own: what its output ends with, and its exit code. */
function run(files: Record<string, string>): { lastLine: string | undefined; exitCode: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-closing-line-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const args = [
      vitest,
      'run',
      '--globals',
      '--root',
      folder,
      '--reporter=default',
      `--reporter=${reporter}`,
    ]
    const child = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder, timeout: 25_000 })
    return { lastLine: child.stdout.trimEnd().split('\n').at(-1), exitCode: child.status }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the closing line', () => {
  test('leaves skipped tests out where there are none', () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
  })

  test('is the last line of a run in which all is well', () => {
    const outcome = run({ 'a.test.js': `test('passes', () => {})` })
    expect(outcome).toEqual({ lastLine: '1 passed, 0 failed', exitCode: 0 })
  })

  test('counts failed tests, files that do not load, failed hooks and errors nobody caught', () => {
    const outcome = run({
      'fails.test.js': `test('passes', () => {}); test('fails', () => { throw new Error('no') }); test.skip('rests', () => {})`,
      'does-not-load.test.js': `import './absent.js'`,
      'holds-no-test.test.js': `export {}`,
      'hook.test.js': `describe('s', () => { afterAll(() => { throw new Error('no') }); test('passes', () => {}) })`,
      'uncaught.test.js': `test('passes', async () => { Promise.reject(new Error('lost')); await new Promise(setImmediate) })`,
    })
    expect(outcome).toEqual({ lastLine: '3 passed, 5 failed, 1 skipped', exitCode: 1 })
  })
})
