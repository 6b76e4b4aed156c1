import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMemcached, startRedis } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AtlasProcess, isAlive } from './atlas-process.ts'
import { startEmbeddedDatabase } from './embedded-database.ts'
import { Lifetime } from './lifetime.ts'

const MARSEILLE = 2_995_469
const dataFolder = mkdtempSync(join(tmpdir(), 'atlas-data-'))
afterAll(() => rmSync(dataFolder, { recursive: true, force: true }))

// The first start, under light traffic, on a port that is taken.
describe('npm start', () => {
  let atlas: AtlasProcess
  let blocker: Server
  let url = ''

  beforeAll(async () => {
    blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const address = blocker.address()
    const PORT = String(typeof address === 'object' ? address?.port : '')
    atlas = AtlasProcess.byNpm(['--traffic', '50'], { PORT, ATLAS_DATA: dataFolder })
    url = (await atlas.printed(/listens on (http:\S+)\n/))[1] ?? ''
    expect(atlas.output).toMatch(`port ${PORT} is taken: using ${new URL(url).port}`)
  })
  afterAll(async () => {
    await atlas.end('SIGKILL')
    blocker.close()
  })

  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(url + path)
    return { status: response.status, body: await response.json() }
  }
  const put = async (path: string, body: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(url + path, { method: 'PUT', body })
    return { status: response.status, body: await response.json() }
  }

  test('a city is found by its GeoNames id', async () => {
    expect(await get('/cities/2988507')).toEqual({
      status: 200,
      body: { id: 2988507, name: 'Paris', country: 'FR', population: 2138551, lat: 48.85341, lon: 2.3488 },
    })
  })

  test.each(['/cities/1', '/cities/99999999999', '/countries/XX/cities', '/', '/cities/1/2', '/stats/x'])(
    '%s is unknown: 404 with the reason',
    async (path) => {
      expect(await get(path)).toEqual({ status: 404, body: { error: expect.any(String) } })
    },
  )

  test.each(['/cities/abc', '/cities/-1', '/cities/1.5', '/cities/', '/cities/%00', '/countries/FRA/cities'])(
    '%s is no question: 400 with the reason',
    async (path) => {
      expect(await get(path)).toEqual({ status: 400, body: { error: expect.stringContaining('expected') } })
    },
  )

  test.each(['0', '-1', '1.5', 'many', ''])('a limit of "%s" is refused by name', async (limit) => {
    const { status, body } = await get(`/countries/FR/cities?limit=${limit}`)
    expect({ status, body }).toEqual({
      status: 400,
      body: { error: expect.stringMatching(/^limit: expected/) },
    })
  })

  test('a country lists its cities by population, 100 unless told, 1,000 at most', async () => {
    expect((await get('/countries/fr/cities?limit=2')).body).toMatchObject([
      { name: 'Paris' },
      { name: 'Marseille', id: MARSEILLE },
    ])
    expect((await get('/countries/FR/cities')).body).toHaveLength(100)
    expect((await get('/countries/FR/cities?limit=5000')).body).toHaveLength(1_000)
  })

  test.each([
    ['', /JSON/],
    ['{', /JSON/],
    ['7', /population/],
    ['null', /population/],
    ['{}', /population/],
    ['{"population":"7"}', /got "7"$/],
    ['{"population":-1}', /population.*whole number.*got -1$/],
    ['{"population":1.5}', /population.*whole number/],
    ['{"population":2147483648}', /population.*2147483647/],
    ['{"population":7,"name":"x"}', /only population.*name/],
  ])('the body %s is refused with the reason', async (body, reason) => {
    const reply = await put(`/cities/${MARSEILLE}`, body)
    expect(reply).toEqual({ status: 400, body: { error: expect.stringMatching(reason) } })
  })

  test('a body that never ends is cut off, and other methods are told which there are', async () => {
    expect((await put(`/cities/${MARSEILLE}`, ' '.repeat(5_000))).status).toBe(413)
    const response = await fetch(`${url}/cities/${MARSEILLE}`, { method: 'DELETE' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT'])
  })

  test('HEAD is answered as GET is, without the body', async () => {
    for (const path of ['/cities/2988507', '/stats', '/cities/1']) {
      const [asked, head] = [await fetch(url + path), await fetch(url + path, { method: 'HEAD' })]
      expect([head.status, await head.text()]).toEqual([asked.status, ''])
    }
  })

  test('a written population is what the city and its country answer from then on', async () => {
    const path = `/cities/${MARSEILLE}`
    const before = await get(path)
    await get('/countries/FR/cities?limit=1')
    const written = { population: 2_000_000_000 }
    expect(await put(path, JSON.stringify(written))).toMatchObject({ status: 200, body: written })
    expect((await get(path)).body).toMatchObject(written)
    expect((await get('/countries/FR/cities?limit=1')).body).toMatchObject([
      { name: 'Marseille', ...written },
    ])
    expect(before.body).not.toMatchObject(written)
    expect((await put('/cities/1', JSON.stringify(written))).status).toBe(404)
  })

  test('/stats tells requests, hits and misses, queries and latencies', async () => {
    await get('/cities/2988507')
    const { body } = await get('/stats')
    expect(body).toMatchObject({
      requests: expect.any(Number),
      hitRate: expect.any(Number),
      cache: { hits: { l1: expect.any(Number), l2: 0 }, misses: { cold: expect.any(Number) } },
      database: { queries: expect.any(Number) },
      latency: { hits: { p50Ms: expect.any(Number) }, misses: { p99Ms: expect.any(Number) } },
    })
  })

  test('one line a second tells rates, queries and latencies', async () => {
    const line = /\d+ req\/s \| L1 [\d.]+ % L2 0\.0 % \| \d+ db\/s \| ms hit \d.* miss \d/
    await atlas.printed(line)
  })

  test('SIGTERM, sent to npm alone, ends it and everything that it started', async () => {
    const pids = atlas.pids()
    expect(pids.length).toBeGreaterThanOrEqual(3)
    const { code } = await atlas.end('SIGTERM')
    expect(code).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
    await expect(fetch(url)).rejects.toThrow()
  })
})

describe('on a given database', () => {
  const lifetime = new Lifetime()
  let DATABASE_URL = ''

  beforeAll(async () => {
    DATABASE_URL = (await startEmbeddedDatabase(dataFolder, () => {}, lifetime)).url
  })
  afterAll(() => lifetime.end(() => {}))

  test('--race catches cache-aside by hand, and Holdfast keeps its promises', async () => {
    const { code, output } = await new AtlasProcess(['--race'], { DATABASE_URL }).end()
    expect(output).toMatch(/cache-aside by hand +[\d,]+ +[1-9][\d,]* /)
    expect(output).toMatch(/Holdfast, strong \(never\) +[\d,]+ +0 /)
    expect(code).toBe(0)
  })

  test('--storm asks the database once with Holdfast, and by hand for each caller', async () => {
    // Whoever has given a Memcached, which this does not compare over, hears of it first.
    const env = { DATABASE_URL, MEMCACHED_URL: 'memcached://127.0.0.1:1' }
    const { code, output } = await new AtlasProcess(['--storm'], env).end()
    expect(output).toMatch(/^MEMCACHED_URL is not used by --storm/)
    expect(output).toMatch(/cache-aside by hand +500 /)
    expect(output).toMatch(/Holdfast +1 /)
    expect(output).toMatch(/Holdfast with swr +1 /)
    expect(code).toBe(0)
  })

  test('--fleet keeps two nodes right, and Ctrl-C ends them with their Redis, without a word of trouble', async () => {
    const fleet = AtlasProcess.byNpm(['--fleet', '--traffic', '100'], { DATABASE_URL, PORT: '0' })
    await fleet.printed(/across: [1-9]\d* right, 0 stale/)
    const pids = fleet.pids()
    expect(pids.length).toBeGreaterThanOrEqual(5)
    const { code, output } = await fleet.interrupt()
    expect(output).not.toMatch(/[1-9]\d* stale/)
    expect(output).not.toMatch(/is lost|closed the connection/)
    expect(code).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
  })

  test('--fleet over two Memcached servers, with a Redis that carries word of writes: no node is stale', async () => {
    await using first = await startMemcached()
    await using second = await startMemcached()
    await using bus = await startRedis()
    const MEMCACHED_URL = `memcached://127.0.0.1:${first.port},127.0.0.1:${second.port}`
    const env = { DATABASE_URL, PORT: '0', MEMCACHED_URL, REDIS_URL: bus.url }
    const fleet = new AtlasProcess(['--fleet', '--traffic', '100'], env)
    await fleet.printed(/across: [1-9]\d* right, 0 stale/)
    const { code, output } = await fleet.interrupt()
    expect(output).toMatch(/L1 bus \(redis:/)
    expect(output).not.toMatch(/[1-9]\d* stale/)
    expect(code).toBe(0)
    // The nodes did share them: both servers were given values, by word of which the other node's L1 was right.
    for (const server of [first, second]) expect(Number((await server.stats()).cmd_set)).toBeGreaterThan(10)
  })

  test('--fleet over a Memcached alone says how old an answer may be, and that none is older', async () => {
    await using server = await startMemcached()
    const env = { DATABASE_URL, PORT: '0', MEMCACHED_URL: `memcached://127.0.0.1:${server.port}` }
    const fleet = new AtlasProcess(['--fleet', '--traffic', '100'], env)
    await fleet.printed(/across: [1-9]\d* right, 0 stale, [1-9]\d* up to 1 s old \(no bus: give REDIS_URL\)/)
    const { code, output } = await fleet.interrupt()
    expect(output).toMatch(/up to 1 s behind/)
    expect(output).not.toMatch(/[1-9]\d* stale/)
    expect(code).toBe(0)
  })
})

test('a flag that does not exist is named, and the exit code is 1', async () => {
  const { code, output } = await new AtlasProcess(['--strom'], {}).end()
  expect(output).toMatch(/'--strom'[\s\S]*--storm/)
  expect(code).toBe(1)
})
