import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { systemClock } from 'holdfast/contracts'
import { afterEach, describe, expect, test } from 'vitest'
import { elastiCache } from './elasticache.ts'
import type { OpenListSource, ServerList } from './list-source.ts'
import { parseClusterConfig } from './parse-cluster-config.ts'

/** As Amazon's documentation shows it (AutoDiscovery.AddingToYourClientLibrary). */
const DOCUMENTED =
  'CONFIG cluster 0 136\r\n' +
  '12\n' +
  'myCluster.pc4ldq.0001.use1.cache.amazonaws.com|10.82.235.120|11211 ' +
  'myCluster.pc4ldq.0002.use1.cache.amazonaws.com|10.80.249.27|11211\n\r\n' +
  'END\r\n'

const DOCUMENTED_LIST: ServerList = {
  version: 12,
  servers: [
    { host: 'myCluster.pc4ldq.0001.use1.cache.amazonaws.com', port: 11211, weight: 1 },
    { host: 'myCluster.pc4ldq.0002.use1.cache.amazonaws.com', port: 11211, weight: 1 },
  ],
}

function config(version: number, ...hosts: string[]): string {
  const nodes = hosts.map((host) => `${host}|127.0.0.1|11211`).join(' ')
  const body = `${version}\n${nodes}\n`
  return `CONFIG cluster 0 ${body.length}\r\n${body}\r\nEND\r\n`
}

describe('parseClusterConfig', () => {
  test('reads the documented bytes', () => {
    expect(parseClusterConfig(DOCUMENTED)).toEqual(DOCUMENTED_LIST)
  })

  test('waits for the rest, wherever the reply is cut', () => {
    for (let length = 0; length < DOCUMENTED.length; length++)
      expect(parseClusterConfig(DOCUMENTED.slice(0, length))).toBeUndefined()
  })

  test('takes a node without an address by its name, and one without a name by its address', () => {
    const reply = 'CONFIG cluster 0 1\r\n3\na||11211 |10.0.0.1|11212\n\r\nEND\r\n'
    expect(parseClusterConfig(reply)?.servers).toEqual([
      { host: 'a', port: 11211, weight: 1 },
      { host: '10.0.0.1', port: 11212, weight: 1 },
    ])
  })

  test.each([
    'ERROR\r\n',
    'SERVER_ERROR out of memory\r\n',
    'END\r\n',
    'CONFIG cluster 0 4\r\nv1\na|b|1\n\r\nEND\r\n',
    'CONFIG cluster 0 4\r\n1\n\n\r\nEND\r\n',
    'CONFIG cluster 0 4\r\n1\na|b\n\r\nEND\r\n',
    'CONFIG cluster 0 4\r\n1\na|b|0\n\r\nEND\r\n',
    'CONFIG cluster 0 4\r\n1\na|b|65536\n\r\nEND\r\n',
    'CONFIG cluster 0 4\r\n1\n||11211\n\r\nEND\r\n',
    'CONFIG cluster 0 4\r\n-1\na|b|1\n\r\nEND\r\n',
  ])('refuses %j', (reply) => {
    expect(() => parseClusterConfig(reply)).toThrow(expect.objectContaining({ code: 'l2_error' }))
  })
})

interface Endpoint extends AsyncDisposable {
  readonly port: number
  readonly asked: readonly string[]
  /** How each later question is answered. */
  answer: (socket: Socket) => void
}

/** A configuration endpoint. */
async function startEndpoint(answer: (socket: Socket) => void): Promise<Endpoint> {
  const asked: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      asked.push(chunk.toString())
      endpoint.answer(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  const endpoint: Endpoint = {
    port: address.port,
    asked,
    answer,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
  return endpoint
}

const opened: OpenListSource[] = []
afterEach(() => {
  for (const source of opened.splice(0)) source.close()
})

function listen(port: number, pollMs: number, beginsAgainMs?: number) {
  const lists: ServerList[] = []
  const troubles: string[] = []
  let heard = () => {}
  const source = elastiCache(
    { transport: 'tcp', host: '127.0.0.1', port },
    { clock: systemClock, pollMs, ...(beginsAgainMs === undefined ? {} : { beginsAgainMs }) },
  ).open({
    told: (list) => {
      lists.push(list)
      heard()
    },
    trouble: (error) => {
      troubles.push(error instanceof Error ? error.message : String(error))
      heard()
    },
  })
  opened.push(source)
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        heard = resolve
      })
    }
  }
  return { lists, troubles, source, until }
}

describe('a configuration endpoint', () => {
  test('is asked at once, and a reply in pieces is read', async () => {
    await using endpoint = await startEndpoint((socket) => {
      socket.setNoDelay(true)
      for (const character of DOCUMENTED) socket.write(character)
    })
    const { lists, until } = listen(endpoint.port, 60_000)
    await until(() => lists.length > 0)
    expect(lists).toEqual([DOCUMENTED_LIST])
    expect(endpoint.asked).toEqual(['config get cluster\r\n'])
  })

  test('is asked again and again; an older version than one that was told is not told', async () => {
    await using endpoint = await startEndpoint((socket) => socket.write(config(2, 'a', 'b')))
    const { lists, until } = listen(endpoint.port, 10)
    await until(() => lists.length > 0)
    const asked = endpoint.asked.length
    endpoint.answer = (socket) => {
      if (endpoint.asked.length > asked + 3) endpoint.answer = (next) => next.write(config(3, 'a'))
      socket.write(config(1, 'old'))
    }
    await until(() => lists.at(-1)?.version === 3)
    expect([...new Set(lists.map(({ version }) => version))]).toEqual([2, 3])
    expect(lists.at(-1)?.servers).toEqual([{ host: 'a', port: 11211, weight: 1 }])
  })

  test('whose cluster was made anew, so that its versions begin again, is told of, and believed after a while', async () => {
    await using endpoint = await startEndpoint((socket) => socket.write(config(12, 'a', 'b')))
    const { lists, troubles, until } = listen(endpoint.port, 10, 100)
    await until(() => lists.length > 0)
    const changedAt = performance.now()
    endpoint.answer = (socket) => socket.write(config(1, 'c'))
    await until(() => troubles.length > 0)
    expect(troubles[0]).toMatch(/version 1 .* version 12/)
    await until(() => lists.at(-1)?.version === 1)
    expect(performance.now() - changedAt).toBeGreaterThan(100)
    expect(lists.at(-1)?.servers).toEqual([{ host: 'c', port: 11211, weight: 1 }])
    endpoint.answer = (socket) => socket.write(config(2, 'c', 'd'))
    await until(() => lists.at(-1)?.version === 2)
  })

  test('some of whose nodes have not heard of a change is not believed for that', async () => {
    let asked = 0
    await using endpoint = await startEndpoint((socket) => {
      asked++
      socket.write(asked % 4 === 1 ? config(12, 'a', 'b') : config(11, 'a'))
    })
    const { lists, until } = listen(endpoint.port, 1, 500)
    await until(() => lists.length > 10)
    expect([...new Set(lists.map(({ version }) => version))]).toEqual([12])
  })

  test('that fails is told of and asked again; what was told before still holds', async () => {
    await using endpoint = await startEndpoint((socket) => socket.write('ERROR\r\n'))
    const { lists, troubles, until } = listen(endpoint.port, 10)
    await until(() => troubles.length > 0)
    endpoint.answer = (socket) => socket.destroy()
    await until(() => troubles.some((trouble) => trouble.includes('hung up')))
    endpoint.answer = (socket) => socket.write(config(1, 'a'))
    await until(() => lists.length > 0)
    expect(troubles[0]).toBe(
      `the configuration endpoint 127.0.0.1:${endpoint.port}: it answered 'config get cluster' with "ERROR"; ` +
        "it is no configuration endpoint (their names hold .cfg.): a plain server needs no 'discovery'",
    )
  })

  test('that sends without end is refused', async () => {
    await using endpoint = await startEndpoint((socket) =>
      socket.write(`CONFIG cluster 0 1\r\n1\n${'x'.repeat(600 * 1024)}`),
    )
    const { troubles, until } = listen(endpoint.port, 60_000)
    await until(() => troubles.length > 0)
    expect(troubles[0]).toContain('does not end')
  })

  test('is asked before its time where there is a reason to, but not by each of a crowd', async () => {
    await using endpoint = await startEndpoint((socket) => socket.write(config(endpoint.asked.length, 'a')))
    const { lists, source, until } = listen(endpoint.port, 60_000)
    await until(() => lists.length > 0)
    const askedAt = performance.now()
    for (let i = 0; i < 100; i++) source.refresh()
    await until(() => lists.length > 1)
    expect(performance.now() - askedAt).toBeGreaterThan(300)
    expect(endpoint.asked.length).toBe(2)
  })

  test('is not asked after close', async () => {
    await using endpoint = await startEndpoint((socket) => socket.write(config(1, 'a')))
    const { lists, source, until } = listen(endpoint.port, 5)
    await until(() => lists.length > 1)
    source.close()
    source.refresh()
    const { length } = lists
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(lists.length).toBe(length)
  })
})
