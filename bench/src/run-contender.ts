import { fork } from 'node:child_process'
import { join } from 'node:path'
import { after } from './clock.ts'
import type { Bench, Numbers, Row } from './row.ts'

/** Where a row does not say otherwise. */
const RUN_MS_MAX = 120_000
// Warnings of other people's libraries (deprecations) say nothing of the measurement.
const EXEC_ARGUMENTS = ['--conditions=holdfast-source', '--no-warnings']

/** Measures one contender once, in a process of its own. Rejects with what it said when it failed. */
export async function runContender(
  row: Row,
  contender: string,
  bench: Bench,
  profileFolder: string | undefined,
): Promise<Numbers> {
  const profile = profileFolder === undefined ? [] : profileArguments(row, contender, profileFolder)
  const child = fork(
    join(import.meta.dirname, 'contender-process.ts'),
    [row.name, contender, JSON.stringify(bench)],
    { execArgv: [...EXEC_ARGUMENTS, ...profile], silent: true },
  )
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000)
  })
  const { promise, resolve, reject } = Promise.withResolvers<Numbers>()
  let result: unknown
  const cancel = after(row.runMsMax ?? RUN_MS_MAX, () => child.kill('SIGKILL'))
  child.on('message', (message: unknown) => {
    result = message
  })
  child.once('error', reject)
  // A profile is written when the process ends.
  child.once('exit', (code, signal) => {
    cancel()
    const numbers = numbersOf(result)
    if (numbers === undefined) reject(new Error(failureOf(result) ?? `ended by ${signal ?? code}: ${said}`))
    else resolve(numbers)
  })
  return await promise
}

function profileArguments(row: Row, contender: string, folder: string): string[] {
  const name = `${row.name}.${contender.replace(/\W+/g, '-')}.cpuprofile`
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}`]
}

function numbersOf(message: unknown): Numbers | undefined {
  const found = fieldOf(message, 'numbers')
  if (typeof found !== 'object' || found === null) return undefined
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, Number(value)]))
}

function failureOf(message: unknown): string | undefined {
  const found = fieldOf(message, 'failure')
  return typeof found === 'string' ? found : undefined
}

function fieldOf(message: unknown, name: string): unknown {
  return typeof message === 'object' && message !== null ? Reflect.get(message, name) : undefined
}
