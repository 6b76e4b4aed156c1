import { describeEndpoint, type Endpoint } from '@holdfast/wire'
import { describe, expect, test } from 'vitest'
import type { NamedPrimary, ServerFacts } from '../server-facts.ts'
import { PrimaryFollower } from './primary-follower.ts'

const tcp = (host: string, port = 6379): Endpoint => ({ transport: 'tcp', host, port })
const primary = (...histories: string[]): ServerFacts => ({
  server: 'redis',
  version: '7.0.15',
  runId: 'run',
  role: 'master',
  histories,
  primary: undefined,
})
const replicaOf = (host: string, port = 6379, history?: string): ServerFacts => ({
  ...primary(),
  role: 'replica',
  primary: { host, port, history },
})

/** Where it goes when each node says this of itself; undefined: it does not answer. */
function path(nodes: PrimaryFollower, answers: readonly (ServerFacts | undefined)[]): string[] {
  return answers.map((facts) => {
    const where = describeEndpoint(nodes.next())
    return facts === undefined ? where : `${where} ${nodes.judge(facts).state}`
  })
}

test('the configured address is kept as long as it is a primary, whether it answers or not', () => {
  const nodes = new PrimaryFollower(tcp('c'))
  expect(path(nodes, [primary(), undefined, undefined, primary(), primary()])).toEqual([
    'c:6379 use',
    'c:6379',
    'c:6379',
    'c:6379 use',
    'c:6379 use',
  ])
})

test('a replica is left for the primary that it names, which is kept when its connection is lost', () => {
  const nodes = new PrimaryFollower(tcp('c'))
  expect(path(nodes, [replicaOf('p'), primary(), primary(), replicaOf('q', 1), primary()])).toEqual([
    'c:6379 go_on',
    'p:6379 use',
    'p:6379 use',
    'p:6379 go_on',
    'q:1 use',
  ])
})

test('a named primary that does not answer and the configured address are tried in turn', () => {
  const nodes = new PrimaryFollower(tcp('c'))
  const steps = path(nodes, [
    replicaOf('p'),
    undefined,
    replicaOf('p'),
    undefined,
    undefined,
    undefined,
    primary(),
  ])
  expect(steps).toEqual([
    'c:6379 go_on',
    'p:6379',
    'c:6379 go_on',
    'p:6379',
    'c:6379',
    'p:6379',
    'c:6379 use',
  ])
})

test('once the configured address is the primary again, the other one is forgotten', () => {
  const nodes = new PrimaryFollower(tcp('c'))
  expect(path(nodes, [replicaOf('p'), primary(), undefined, primary(), undefined, undefined])).toEqual([
    'c:6379 go_on',
    'p:6379 use',
    'p:6379',
    'c:6379 use',
    'c:6379',
    'c:6379',
  ])
})

test('a primary that names the configured address leads back to it', () => {
  const nodes = new PrimaryFollower(tcp('10.0.0.1'))
  expect(path(nodes, [replicaOf('p'), replicaOf('10.0.0.1'), undefined, primary()])).toEqual([
    '10.0.0.1:6379 go_on',
    'p:6379 go_on',
    '10.0.0.1:6379',
    '10.0.0.1:6379 use',
  ])
})

test('a replica without a primary is not used, and is asked again', () => {
  const nodes = new PrimaryFollower(tcp('c'))
  const orphan: ServerFacts = { ...primary(), role: 'replica' }
  expect(path(nodes, [orphan, orphan, primary()])).toEqual(['c:6379 unfit', 'c:6379 unfit', 'c:6379 use'])
})

describe('who is followed', () => {
  test('not a stranger who listens where the primary was said to be', () => {
    const nodes = new PrimaryFollower(tcp('c'))
    const named = replicaOf('p', 6379, 'history')
    expect(path(nodes, [named, primary('other', 'another'), named, primary('history')])).toEqual([
      'c:6379 go_on',
      'p:6379 unfit',
      'c:6379 go_on',
      'p:6379 use',
    ])
  })

  test('a primary that was promoted meanwhile, and, once it was used, whatever its data', () => {
    const nodes = new PrimaryFollower(tcp('c'))
    expect(path(nodes, [replicaOf('p', 6379, 'h1'), primary('h2', 'h1'), primary('restarted')])).toEqual([
      'c:6379 go_on',
      'p:6379 use',
      'p:6379 use',
    ])
  })

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])(
    "on its own machine: a replica's %s is not ours",
    (loopback) => {
      const nodes = new PrimaryFollower(tcp('redis.example'))
      expect(path(nodes, [replicaOf(loopback, 6380), primary()])[1]).toBe('redis.example:6380 use')
    },
  )

  test('nobody over a network where a unix socket was asked for', () => {
    const nodes = new PrimaryFollower({ transport: 'unix', path: '/run/redis.sock' })
    expect(path(nodes, [replicaOf('p'), primary()])).toEqual(['/run/redis.sock unfit', '/run/redis.sock use'])
  })
})

describe('TLS', () => {
  const followed = (configured: Endpoint, named: NamedPrimary): Endpoint => {
    const nodes = new PrimaryFollower(configured)
    nodes.next()
    nodes.judge({ ...primary(), role: 'replica', primary: named })
    return nodes.next()
  }
  const named = { host: '10.0.0.7', port: 6380, history: undefined }

  test('is never left, keeps its settings, and expects the configured name of an address', () => {
    const tls = { minVersion: 'TLSv1.3' } as const
    expect(followed({ transport: 'tls', host: 'redis.example', port: 6379, tls }, named)).toEqual({
      transport: 'tls',
      host: '10.0.0.7',
      port: 6380,
      tls: { minVersion: 'TLSv1.3', servername: 'redis.example' },
    })
  })

  test('expects a name of itself, an address where addresses are configured, and the name that was set', () => {
    const own = { ...named, host: 'two.example' }
    expect(followed({ transport: 'tls', host: 'one.example', port: 6379 }, own)).toEqual({
      transport: 'tls',
      host: 'two.example',
      port: 6380,
    })
    expect(followed({ transport: 'tls', host: '10.0.0.1', port: 6379 }, named)).toEqual({
      transport: 'tls',
      host: '10.0.0.7',
      port: 6380,
    })
    const tls = { servername: 'set.example' }
    const set = followed({ transport: 'tls', host: 'one.example', port: 6379, tls }, named)
    expect(set).toMatchObject({ tls: { servername: 'set.example' } })
  })
})
