/** A fresh process that measures one contender of one row once, answers its numbers, and ends. */
import { stayAlive } from './clock.ts'
import { rows } from './rows.ts'

const [rowName, contender = '', bench = '{}'] = process.argv.slice(2)
stayAlive()

try {
  const row = rows.find(({ name }) => name === rowName)
  if (row === undefined) throw new Error(`unknown row ${rowName}`)
  answer({ numbers: await row.measure(contender, JSON.parse(bench)) })
} catch (error) {
  answer({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

/** Clients that are still connected must not keep the process. */
function answer(message: object): void {
  process.send?.(message, () => process.exit())
}
