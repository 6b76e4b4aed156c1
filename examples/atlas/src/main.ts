/** The city guide and its demonstrations: `npm start -- --help` says which. */
import { runFleet } from './fleet.ts'
import { BrokenError, Lifetime } from './lifetime.ts'
import { runRace } from './race.ts'
import { createScreen, type Screen } from './screen.ts'
import { runService } from './service.ts'
import { readSettings, type Settings, SettingsError, USAGE } from './settings.ts'
import { runStorm } from './storm.ts'

/** A mode runs until it is done, or as long as `lifetime`; true: all that it promised was kept. */
type Mode = (settings: Settings, lifetime: Lifetime, screen: Screen) => Promise<boolean>

const MODES: Readonly<Record<Settings['mode'], Mode>> = {
  serve: runService,
  fleet: runFleet,
  storm: runStorm,
  race: runRace,
  help: async (_settings, _lifetime, screen) => {
    screen.say(USAGE)
    return true
  },
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
// Each part bounds its own closing; this bounds them all.
const CLOSING_MS_MAX = 10_000

const screen = createScreen(process.stdout)
const lifetime = new Lifetime()
const complain = (line: string): void => void process.stderr.write(`${line}\n`)
let exitCode = 1
try {
  const settings = readSettings(process.argv.slice(2), process.env)
  const kept = await Promise.race([
    signalled(),
    lifetime.broken,
    MODES[settings.mode](settings, lifetime, screen),
  ])
  exitCode = kept ? 0 : 1
} catch (error) {
  complain(explain(error))
}
setTimeout(() => process.exit(1), CLOSING_MS_MAX).unref()
screen.leave()
await lifetime.end(complain)
// Whatever a mode that was interrupted still waits for has lost its ground.
process.exit(exitCode)

/** Settles with true at the first signal. Later ones are left to it: npm passes on what the terminal sent. */
function signalled(): Promise<true> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(true))
  })
}

function explain(error: unknown): string {
  if (error instanceof SettingsError || error instanceof BrokenError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
