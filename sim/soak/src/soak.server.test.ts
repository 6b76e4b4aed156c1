import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

// Half a minute of load, and a machine that has other tests to run.
const RUN_MS_MAX = 150_000

interface Told {
  readonly seed: number
  readonly writes: number
  readonly reads: number
  readonly violations: number
  readonly faults: number
  readonly isComplete: boolean
  readonly found: readonly string[]
}

/** Runs the short form as CI does, and answers what it told. */
async function runShort(...args: readonly string[]): Promise<{ code: number | null; told: Told }> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const soak = spawn(process.execPath, ['--conditions=holdfast-source', main, '--short', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  soak.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const [code]: (number | null)[] = await once(soak, 'close')
  return { code: code ?? null, told: JSON.parse(out) }
}

describe('the short soak', () => {
  test(
    'breaks no promise under faults, agrees with the database after them, and leaves nothing behind',
    async () => {
      const { code, told } = await runShort()
      const { seed, found, reads, writes, faults, violations, isComplete } = told
      expect({ seed, found }).toEqual({ seed, found: [] })
      expect({ violations, isComplete, code }).toEqual({ violations: 0, isComplete: true, code: 0 })
      expect(reads).toBeGreaterThan(20_000)
      expect(writes).toBeGreaterThan(1000)
      expect(faults).toBeGreaterThan(4)
    },
    RUN_MS_MAX,
  )

  test.each(['F', 'P'])(
    'catches a cache without rule %s',
    async (mutant) => {
      const { code, told } = await runShort('--mutant', mutant)
      expect({ seed: told.seed, isCaught: told.violations > 0 }).toEqual({ seed: told.seed, isCaught: true })
      expect(code).toBe(1)
    },
    RUN_MS_MAX,
  )
})
