import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { provocations, scenarios } from './scenarios.ts'

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
async function runShort(): Promise<{ readonly code: number | null; readonly told: Told }> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const race = spawn(process.execPath, ['--conditions=holdfast-source', main, '--short', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  race.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const [code]: (number | null)[] = await once(race, 'close')
  return { code: code ?? null, told: JSON.parse(out) }
}

test(
  'the short race holds in every scenario, catches every mutant, and leaves none out',
  async () => {
    const { code, told } = await runShort()
    const { seed, outcomes } = told
    expect({ seed, bad: outcomes.filter(({ isGood }) => !isGood) }).toEqual({ seed, bad: [] })
    expect(outcomes.map(({ name, mutation }) => ({ name, mutation }))).toEqual([
      ...scenarios.map(({ name }) => ({ name, mutation: undefined })),
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
