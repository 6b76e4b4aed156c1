import { describeNodes, findComparedRedis, provideDatabase } from './backends.ts'
import type { City } from './city.ts'
import { Database } from './database.ts'
import type { Lifetime } from './lifetime.ts'
import { MAX_STALE_MS } from './open-cache.ts'
import { type Contender, openContenders } from './race-contenders.ts'
import type { Screen } from './screen.ts'
import type { Settings } from './settings.ts'
import { StalenessChecker, sumVerdicts, type Verdict } from './staleness.ts'
import { formatTable } from './table.ts'

// Loads and the pauses between writes are of the same length, so that most loads meet a write. With writes 10 ms
// apart and loads of at most 8 ms, a checker finds nothing even in caches that are wrong.
const LOAD_MS_MAX = 14
const WRITE_PAUSE_MS_MAX = 14
const READ_PAUSE_MS_MAX = 4
const RACE_MS = 4_000
const CITIES = 4
const READERS_PER_NODE = 2

/**
 * The same cities are written, and read at the same time through cache-aside by hand and through Holdfast. The
 * population is the version. True: cache-aside was caught (the race was one), and Holdfast kept its promises.
 */
export async function runRace(settings: Settings, lifetime: Lifetime, screen: Screen): Promise<boolean> {
  const redis = await findComparedRedis(settings, lifetime, screen.say)
  const database = new Database(await provideDatabase(settings, lifetime, screen.say))
  lifetime.own('the connections to the database', () => database.close())
  const cities = await database.largestCities(CITIES)
  const find = async (id: number): Promise<City | undefined> => {
    const city = await database.city(id)
    await pause(LOAD_MS_MAX)
    return city
  }
  const contenders = openContenders(redis, find, lifetime)
  screen.say(
    `${CITIES} cities are read and written at once for ${RACE_MS / 1000} s, ${describeNodes(redis)}.\n`,
  )
  const untilMs = performance.now() + RACE_MS
  const isOn = (): boolean => performance.now() < untilMs && !lifetime.signal.aborted
  const races = cities.map((city) => race(city, contenders, database, isOn))
  lifetime.own('the populations', async () => {
    await Promise.allSettled(races)
    for (const city of cities) await database.setPopulation(city.id, city.population)
    for (const contender of contenders)
      for (const city of cities) await contender.nodes[0]?.invalidate(city.id)
  })
  const verdicts = sumByContender(await Promise.all(races), contenders)
  screen.say(formatVerdicts(contenders, verdicts))
  return isKept(contenders, verdicts, screen)
}

/** One city: a writer, and readers on every node of every contender. Answers a verdict per contender. */
async function race(
  city: City,
  contenders: readonly Contender[],
  database: Database,
  isOn: () => boolean,
): Promise<Verdict[]> {
  const checkers = contenders.map(() => new StalenessChecker())
  const write = async (version: number): Promise<void> => {
    await database.setPopulation(city.id, version)
    await Promise.all(
      contenders.map(async ({ nodes }, i) => {
        await nodes[version % nodes.length]?.invalidate(city.id)
        checkers[i]?.acknowledge(version, performance.now())
      }),
    )
  }
  const writer = async (): Promise<void> => {
    for (let version = 2; isOn(); version++) {
      await pause(WRITE_PAUSE_MS_MAX)
      await write(version)
    }
  }
  const reader = async (read: (id: number) => Promise<City>, checker: StalenessChecker): Promise<void> => {
    while (isOn()) {
      await pause(READ_PAUSE_MS_MAX)
      const startMs = performance.now()
      const { population } = await read(city.id)
      checker.judge(population, startMs)
    }
  }
  await write(1)
  const readers = contenders.flatMap(({ nodes }, i) =>
    nodes.flatMap(({ read }) =>
      Array.from({ length: READERS_PER_NODE }, () => reader(read, checkers[i] ?? new StalenessChecker())),
    ),
  )
  await Promise.all([writer(), ...readers])
  return checkers.map((checker) => checker.verdict)
}

function sumByContender(
  verdicts: readonly (readonly Verdict[])[],
  contenders: readonly Contender[],
): Verdict[] {
  return contenders.map((_, i) => sumVerdicts(verdicts.flatMap((ofCity) => ofCity[i] ?? [])))
}

function formatVerdicts(contenders: readonly Contender[], verdicts: readonly Verdict[]): string {
  return formatTable(
    ['', 'reads', 'stale answers', 'share', 'longest after the write'],
    verdicts.map(({ reads, stale, worstMs }, i) => [
      contenders[i]?.name ?? '',
      reads.toLocaleString('en-US'),
      stale.toLocaleString('en-US'),
      `${((100 * stale) / Math.max(1, reads)).toFixed(2)} %`,
      stale === 0 ? '–' : `${worstMs.toFixed(1)} ms`,
    ]),
  )
}

function isKept(contenders: readonly Contender[], verdicts: readonly Verdict[], screen: Screen): boolean {
  const broken = contenders.filter(({ promise }, i) => {
    const verdict = verdicts[i]
    if (verdict === undefined || promise === 'none') return false
    return promise === 'never' ? verdict.stale > 0 : verdict.worstMs > MAX_STALE_MS
  })
  for (const { name } of broken) screen.say(`\n${name} broke its promise.`)
  const wasRace = verdicts.some(({ stale }, i) => contenders[i]?.promise === 'none' && stale > 0)
  if (!wasRace) screen.say('\nNo load met a write: this run says nothing. Run it again on a quieter machine.')
  return broken.length === 0 && wasRace
}

/** Waits up to `msMax`, evenly drawn. */
function pause(msMax: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * msMax))
}
