import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { MemoryServer } from '../../memory-store/memory-server.ts'
import { memoryHarness } from '../memory-harness.ts'
import { storeConformance } from '../store-conformance.ts'
import { ruleMutants } from './rule-mutants.ts'
import { surfaceMutants } from './surface-mutants.ts'

test('matrix', { timeout: 600000 }, async () => {
  const out: Record<string, string[]> = {}
  const harnesses: Record<string, () => any> = {}
  for (const [n, C] of Object.entries(ruleMutants))
    harnesses[n] = () => memoryHarness(new MemoryServer({ commands: (p) => new C(p) }))
  for (const [n, d] of Object.entries(surfaceMutants))
    harnesses[n] = () => memoryHarness(new MemoryServer(), d)
  const count = storeConformance(harnesses['looks mint']!()).length
  const t0 = Date.now()
  for (const [n, make] of Object.entries(harnesses)) {
    const fails: string[] = []
    for (let chunk = 0; chunk < count; chunk += 25) await Promise.all(
      Array.from({ length: Math.min(25, count - chunk) }, async (_, j) => {
        const i = chunk + j
        const c = storeConformance({ ...make(), patienceMs: 100 })[i]!
        let t: any
        try {
          await Promise.race([
            c.run(),
            new Promise((_, r) => {
              t = setTimeout(() => r(new Error('hang')), 3000)
            }),
          ])
        } catch (e) {
          fails.push(c.name)
        }
        clearTimeout(t)
      }),
    )
    out[n] = fails
  }
  writeFileSync(process.env.OUT ?? '/tmp/matrix.json', JSON.stringify(out, null, 1))
  console.log(Date.now() - t0, 'ms')
  const names = storeConformance(harnesses['looks mint']!()).map((c) => c.name)
  const killed = new Set(Object.values(out).flat())
  console.log(
    'UNKILLED CASES',
    names.filter((n) => !killed.has(n)),
  )
  console.log(
    'SURVIVORS',
    Object.entries(out)
      .filter(([, f]) => f.length === 0)
      .map(([n]) => n),
  )
})
