import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { STORES, type StoreName } from './shared-tier.ts'
import { storeKinds } from './store-kinds.ts'

const RUN_MS_MAX = 240_000

interface Told {
  readonly seed: number
  readonly outcomes: readonly {
    readonly name: string
    readonly mutation?: string
    readonly isGood: boolean
    readonly reads: number
    readonly violations: number
    readonly findings: readonly string[]
  }[]
}

/** Runs the short form as CI does, and answers what it told. */
async function runShort(store: StoreName): Promise<{ readonly code: number | null; readonly told: Told }> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const args = ['--conditions=holdfast-source', main, '--store', store, '--short', '--json']
  const race = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  race.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const [code]: (number | null)[] = await once(race, 'close')
  return { code: code ?? null, told: JSON.parse(out) }
}

test.each(STORES)(
  'the short race on %s holds in every scenario, catches every mutant, and leaves none out',
  async (store) => {
    const { scenarios, provocations } = storeKinds[store].races
    const { code, told } = await runShort(store)
    const { seed, outcomes } = told
    expect({ seed, bad: outcomes.filter(({ isGood }) => !isGood) }).toEqual({ seed, bad: [] })
    expect(outcomes.map(({ name, mutation }) => ({ name, mutation }))).toEqual([
      ...scenarios.filter(({ isLong }) => isLong !== true).map(({ name }) => ({ name, mutation: undefined })),
      ...provocations.map(({ scenario, mutation }) => ({ name: scenario, mutation })),
    ])
    for (const { reads, violations, mutation } of outcomes) {
      expect(reads).toBeGreaterThan(0)
      expect(violations > 0).toBe(mutation !== undefined)
    }
    expect(code).toBe(0)
  },
  RUN_MS_MAX,
)
