import { provideDatabase } from './backends.ts'
import { PARIS_ID } from './city.ts'
import type { Lifetime } from './lifetime.ts'
import { formatSecond, LEGEND } from './live-line.ts'
import { openNode } from './node.ts'
import type { Screen } from './screen.ts'
import type { Settings } from './settings.ts'
import { startTraffic } from './traffic.ts'

/** One node in front of one database, under traffic, until `lifetime` ends. */
export async function runService(settings: Settings, lifetime: Lifetime, screen: Screen): Promise<boolean> {
  const databaseUrl = await provideDatabase(settings, lifetime, screen.say)
  const { port, redisUrl, memcachedUrl } = settings
  const logger = { info: screen.say, warn: screen.say }
  const { server, meter } = await openNode({ port, databaseUrl, redisUrl, memcachedUrl, logger }, lifetime)
  sayWhere([server.url], screen)
  await runTraffic(settings, [server.url], lifetime, screen)
  await drawEverySecond(() => [formatSecond(meter.takeSecond())], lifetime, screen)
  return true
}

/** The address and three lines to try; with two nodes, what is written on one is read on the other. */
export function sayWhere(urls: readonly string[], screen: Screen): void {
  const [first = '', second = first] = urls
  screen.say(`\natlas listens on ${urls.join(' and ')}`)
  screen.say(`  curl ${second}/cities/${PARIS_ID}`)
  screen.say(`  curl '${second}/countries/FR/cities?limit=5'`)
  screen.say(`  curl -X PUT -d '{ "population": 2200000 }' ${first}/cities/${PARIS_ID}\n`)
}

/** Starts the traffic that the settings ask for, if any. */
export async function runTraffic(
  settings: Settings,
  urls: readonly string[],
  lifetime: Lifetime,
  screen: Screen,
): Promise<void> {
  const perSecond = settings.trafficPerSecond
  if (perSecond === 0) return
  const traffic = await startTraffic({ urls, perSecond })
  lifetime.own('the traffic', () => traffic.stop())
  screen.say(
    `Traffic by real populations, aiming for ${perSecond.toLocaleString('en-US')} requests/s, 1 % writes.`,
  )
  screen.say('Ctrl-C ends everything.\n')
}

/** Redraws the live lines each second; settles when `lifetime` ends. */
export function drawEverySecond(lines: () => string[], lifetime: Lifetime, screen: Screen): Promise<void> {
  screen.say(LEGEND)
  return new Promise((resolve) => {
    const timer = setInterval(() => screen.live(lines()), 1_000)
    lifetime.signal.addEventListener('abort', () => {
      clearInterval(timer)
      resolve()
    })
  })
}
