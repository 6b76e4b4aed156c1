import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { claimDataFolder } from './data-folder.ts'

describe('claimDataFolder', () => {
  let base = ''
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'atlas-folders-'))
  })
  afterEach(() => rmSync(base, { recursive: true }))

  test('a folder that a living process holds is passed over, and free again after its release', () => {
    const first = claimDataFolder(base)
    const second = claimDataFolder(base)
    expect([first.slot, second.slot]).toEqual([1, 2])
    expect(first.path).not.toBe(second.path)
    first.release()
    expect(claimDataFolder(base).slot).toBe(1)
  })

  test('the folder of a killed process is taken over', () => {
    mkdirSync(join(base, '1'))
    // Above the largest pid that Linux and macOS give.
    writeFileSync(join(base, '1.pid'), '4194305')
    expect(claimDataFolder(base).slot).toBe(1)
    expect(claimDataFolder(base).slot).toBe(2)
  })

  test('the ninth copy is told that there is no room', () => {
    for (let slot = 1; slot <= 8; slot++) expect(claimDataFolder(base).slot).toBe(slot)
    expect(() => claimDataFolder(base)).toThrow(/8 data folders/)
  })
})
