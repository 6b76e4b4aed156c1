import type { Reporter, TestModule } from 'vitest/node'

/** What a test run came to. Nothing that went wrong is left out of `failed`. */
export interface Tally {
  passed: number
  /** Failed tests, files and suites that failed outside a test, errors nobody caught. */
  failed: number
  skipped: number
}

/** The one line that a run ends with: `N passed, N failed`, and `, N skipped` where any were. */
export function closingLine(tally: Tally): string {
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`
}

/** Counts one test file. A file that did not end well counts at least one failure, whatever its tests say. */
function addModule(tally: Tally, module: TestModule): void {
  const failedBefore = tally.failed
  for (const test of module.children.allTests()) {
    const { state } = test.result()
    if (state === 'passed') tally.passed++
    else if (state === 'failed') tally.failed++
    else tally.skipped++
  }
  if (module.errors().length > 0) tally.failed++
  for (const suite of module.children.allSuites()) if (suite.errors().length > 0) tally.failed++
  const endedWell = module.state() === 'passed' || module.state() === 'skipped'
  if (!endedWell && tally.failed === failedBefore) tally.failed++
}

/** The vitest reporter that prints the closing line as the very last line of the output. */
export default class ClosingLine implements Reporter {
  #tally: Tally = { passed: 0, failed: 0, skipped: 0 }
  #announced = false

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) addModule(this.#tally, module)
    if (this.#announced) return
    this.#announced = true
    // Other reporters and vitest itself still print after this hook; nothing prints after 'exit'.
    process.once('exit', () => process.stdout.write(`${closingLine(this.#tally)}\n`))
  }
}
