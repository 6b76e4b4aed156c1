import { formatAcross } from './across-counts.ts'
import { findSharedTier, provideDatabase } from './backends.ts'
import { type ChildMessage, startChild } from './child.ts'
import { startFleetProbe } from './fleet-probe.ts'
import type { Lifetime } from './lifetime.ts'
import { formatSecond, sumSeconds } from './live-line.ts'
import type { Second } from './meter.ts'
import type { Screen } from './screen.ts'
import { drawEverySecond, runTraffic, sayWhere } from './service.ts'
import type { Settings } from './settings.ts'

/** What a node process tells: where it listens, then what it did in each second, and its log. */
export type NodeMessage = ChildMessage<string, NodeTold>

type NodeTold =
  | { readonly kind: 'second'; readonly second: Second }
  | { readonly kind: 'log'; readonly line: string }

const NODES = 2
const NO_BUS = [
  'Memcached tells nobody of a write: what a node has in its L1 may be up to 1 s behind a write on the other.',
  'With REDIS_URL beside MEMCACHED_URL, Redis carries word of writes from node to node.',
]

/** Two nodes over one shared tier and one database, under traffic, until `lifetime` ends. */
export async function runFleet(settings: Settings, lifetime: Lifetime, screen: Screen): Promise<boolean> {
  const shared = await findSharedTier(settings, lifetime)
  if ('install' in shared) {
    screen.say(`--fleet needs a Redis: ${shared.install}`)
    return false
  }
  const databaseUrl = await provideDatabase(settings, lifetime, screen.say)
  screen.say(`The nodes share ${shared.name}.`)
  const seconds: (Second | undefined)[] = []
  const urls: string[] = []
  for (let i = 0; i < NODES; i++) {
    const name = `node ${i + 1}`
    const port = settings.port === 0 ? 0 : settings.port + i
    const onTold = (told: NodeTold): void => {
      if (told.kind === 'second') seconds[i] = told.second
      else if (!lifetime.signal.aborted) screen.say(`${name}: ${told.line}`)
    }
    const env = { PORT: String(port), DATABASE_URL: databaseUrl, ...shared.env }
    urls.push(await startNode(name, env, onTold, lifetime))
  }
  sayWhere(urls, screen)
  screen.say('Across: read on every node after a write on one was acknowledged.')
  if (!shared.areTold) for (const line of NO_BUS) screen.say(line)
  const probe = await startFleetProbe(urls, lifetime)
  await runTraffic(settings, urls, lifetime, screen)
  const lines = (): string[] => {
    const told = seconds.filter((second) => second !== undefined)
    return [formatAcross(probe, shared.areTold), formatSecond(sumSeconds(told))]
  }
  await drawEverySecond(lines, lifetime, screen)
  return true
}

/** The address of a node that listens. */
async function startNode(
  name: string,
  env: Readonly<Record<string, string>>,
  onTold: (told: NodeTold) => void,
  lifetime: Lifetime,
): Promise<string> {
  const child = startChild<string, NodeTold>('./node-process.ts', { env, onTold })
  lifetime.own(name, () => child.end())
  const url = await child.ready
  child.ended.then(() => lifetime.break(`${name} ended by itself`))
  return url
}
