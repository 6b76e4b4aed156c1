import { type Across, AcrossCounts } from './across-counts.ts'
import { PROBE_ID, PROBE_POPULATION } from './city.ts'
import type { Lifetime } from './lifetime.ts'
import { MAX_STALE_MS } from './open-cache.ts'

const PAUSE_MS = 100
const PATIENCE_MS = 2_000

/**
 * Ten times a second writes a population on one node and reads it on all of them, which also leaves it in every
 * L1 for the next write to find. The real figure is put back when `lifetime` ends.
 */
export async function startFleetProbe(urls: readonly string[], lifetime: Lifetime): Promise<Across> {
  const counts = new AcrossCounts(MAX_STALE_MS)
  let running = true
  const loop = (async () => {
    for (let n = 1; running; n++) {
      const writer = urls[n % urls.length] ?? ''
      // Two copies of atlas may share one given database: a failed or overtaken probe is no verdict.
      if (await write(writer, n)) {
        counts.acknowledge(n, performance.now())
        for (const reader of urls) await check(reader, counts)
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  })()
  lifetime.own('the probe', async () => {
    running = false
    await loop
    await write(urls[0] ?? '', PROBE_POPULATION)
  })
  return counts
}

async function write(url: string, population: number): Promise<boolean> {
  const init = {
    method: 'PUT',
    body: JSON.stringify({ population }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  }
  try {
    const response = await fetch(cityUrl(url), init)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

async function check(url: string, counts: AcrossCounts): Promise<void> {
  const startMs = performance.now()
  try {
    const response = await fetch(cityUrl(url), { signal: AbortSignal.timeout(PATIENCE_MS) })
    const city: unknown = await response.json()
    if (!response.ok || typeof city !== 'object' || city === null || !('population' in city)) return
    counts.judge(city.population, startMs)
  } catch {
    // A node that does not answer is seen in the other figures; it gave nothing old.
  }
}

function cityUrl(url: string): string {
  return `${url}/cities/${PROBE_ID}`
}
