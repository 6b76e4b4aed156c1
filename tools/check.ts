/** Everything that can be judged without a running server: `npm run check`. One line a step; 1 if any fails. */
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packPublicPackages, publicPackages, type Ran, root, run } from './packages.ts'

interface Step {
  readonly name: string
  /** True: what it found is worth reading when all is well, too. */
  readonly isTold?: boolean
  judge(): Ran
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-check-'))

/** Builds from nothing: what an earlier build left of a renamed file would be packed and measured. */
function buildAfresh(): Ran {
  for (const dist of globSync('packages/*/dist', { cwd: root })) rmSync(join(root, dist), { recursive: true })
  return run(['tsc', '-b'])
}

/** One command for each of these; the first that fails decides. */
function forEach(names: readonly string[], command: (name: string) => readonly string[]): Ran {
  const all = names.map((name) => run(command(name)))
  return all.find((ran) => !ran.isOk) ?? { isOk: names.length > 0, stdout: '', output: '' }
}

const steps: readonly Step[] = [
  { name: 'format and lint', judge: () => run(['biome', 'check', '--error-on-warnings']) },
  { name: 'types of the libraries', judge: buildAfresh },
  { name: 'types of everything else', judge: () => run(['tsc', '-p', 'tsconfig.test.json']) },
  {
    name: 'publint',
    judge: () => forEach(publicPackages(), (path) => ['publint', 'run', '--strict', path]),
  },
  {
    name: 'are the types wrong',
    judge: () => forEach(packPublicPackages(folder), (tarball) => ['attw', '--profile', 'esm-only', tarball]),
  },
  { name: 'nothing unused (knip)', judge: () => run(['knip']) },
  { name: 'size', isTold: true, judge: () => run(['size-limit']) },
]

let failures = 0
try {
  for (const step of steps) {
    const startedMs = performance.now()
    const ran = step.judge()
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    console.log(`${ran.isOk ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`)
    if (!ran.isOk) failures++
    if (!ran.isOk || step.isTold) console.log(ran.output.trim().replaceAll(/^/gm, '       '))
  }
} finally {
  rmSync(folder, { recursive: true })
}
console.log(failures === 0 ? 'all checks pass' : `${failures} of ${steps.length} checks failed`)
if (failures > 0) process.exitCode = 1
