/** S14: one bad answer, of a loader or of L2, is not what everybody gets from then on. */
import { describe, expect, test } from 'vitest'
import type { StandardSchema } from '../options.ts'
import { codeOf } from '../testing/outcome.ts'
import { Stage, type StageNode } from '../testing/stage.ts'

interface User {
  readonly id: number
}

function schema(check: (value: unknown) => boolean, delay: 'sync' | 'async'): StandardSchema<User> {
  const answer = (value: unknown) =>
    check(value)
      ? { value: { id: Number(Reflect.get(Object(value), 'id')) } }
      : { issues: [{ message: 'no user' }] }
  const validate = delay === 'sync' ? answer : async (value: unknown) => answer(value)
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const isUser = (value: unknown): boolean => typeof Reflect.get(Object(value), 'id') === 'number'
const USER = { id: 1 }
const POISON = { id: 'not a number', admin: true }

describe.each(['sync', 'async'] as const)('a wrong shape in L2, %s schema', (delay) => {
  const validate = schema(isUser, delay)
  const readers: readonly [string, (node: StageNode) => Promise<unknown>][] = [
    ['get', ({ cache }) => cache.get('k', { validate })],
    ['getMany', async ({ cache }) => (await cache.getMany(['k'], { validate }))[0]],
    ['getEntry', ({ cache }) => cache.getEntry('k', { validate })],
    ['has', async ({ cache }) => (await cache.has('k', { validate })) || undefined],
    ['getOrSet', ({ cache }) => cache.getOrSet<unknown>('k', () => undefined, { validate })],
    [
      'getOrSetMany',
      async ({ cache }) => (await cache.getOrSetMany(['k'], () => [undefined], { validate }))[0],
    ],
    ['reserve', async ({ cache }) => (await cache.reserve('k', { validate })).value],
  ]
  test.each(readers)('is a miss to %s (S14)', async (_name, read) => {
    await using stage = new Stage()
    const [writer, reader] = [stage.node(), stage.node()]
    await writer.cache.set('k', USER)
    expect(await read(reader)).toBeDefined()
    await writer.cache.set('k', POISON)
    expect(await read(reader)).toBe(undefined)
  })

  test('is healed by the next load, for every node (S14)', async () => {
    await using stage = new Stage()
    const [writer, reader, other] = [stage.node(), stage.node(), stage.node()]
    await writer.cache.set('k', POISON)
    expect(await reader.cache.getOrSet('k', () => USER, { validate })).toEqual(USER)
    expect(await other.cache.get('k')).toEqual(USER)
    expect(await writer.cache.get('k')).toEqual(USER)
  })

  test.each([
    ['has', ({ cache }: StageNode) => cache.has('k')],
    ['ttl', ({ cache }: StageNode) => cache.ttl('k')],
    ['explain', ({ cache }: StageNode) => cache.explain('k')],
    ['get without a schema', ({ cache }: StageNode) => cache.get('k')],
  ])('stays one when %s has put it into L1 (S14)', async (_name, look) => {
    await using stage = new Stage()
    const [writer, reader] = [stage.node(), stage.node()]
    await writer.cache.set('k', POISON)
    await look(reader)
    expect(await reader.cache.get('k', { validate })).toBe(undefined)
    await look(reader)
    expect(await reader.cache.getOrSet('k', () => USER, { validate })).toEqual(USER)
  })

  test('is no answer where L2 is away, either (S14)', async () => {
    await using stage = new Stage()
    const [writer, reader] = [stage.node(), stage.node({ staleIfError: '1d', swr: '1d' })]
    await writer.cache.set('k', POISON)
    await reader.cache.get('k')
    stage.server.stop()
    await stage.settle()
    expect(await reader.cache.getOrSet('k', () => USER, { validate })).toEqual(USER)
  })

  test('what was checked once is answered from L1 without another trip', async () => {
    await using stage = new Stage()
    const [writer, reader] = [stage.node(), stage.node()]
    await writer.cache.set('k', USER)
    const first = await reader.cache.get('k', { validate })
    // A look without a schema takes nothing away.
    await reader.cache.has('k')
    stage.server.resetStats()
    expect(await reader.cache.get('k', { validate })).toBe(first)
    expect(stage.server.stats.roundTrips).toBe(0)
  })

  test('of a loader is an error, and stored nowhere (S14)', async () => {
    await using stage = new Stage()
    const [node, other] = [stage.node(), stage.node()]
    expect(await codeOf(node.cache.getOrSet<unknown>('k', () => POISON, { validate }))).toBe('invalid_load')
    expect(await Promise.all([node, other].map(({ cache }) => cache.get('k')))).toEqual([
      undefined,
      undefined,
    ])
    expect(await node.cache.getOrSet('k', () => USER, { validate })).toEqual(USER)
  })
})

describe('errors', () => {
  test.each([
    ['throws', () => Promise.reject(new Error('down'))],
    [
      'throws at once',
      () => {
        throw new Error('down')
      },
    ],
    ['throws something else than an error', () => Promise.reject('down')],
  ])(
    'a loader that %s: its error is cached nowhere, and the next call loads again (S14)',
    async (_title, fail) => {
      await using stage = new Stage()
      const [node, other] = [stage.node(), stage.node()]
      let loads = 0
      const load = (): Promise<unknown> => {
        loads++
        return loads <= 2 ? fail() : Promise.resolve(USER)
      }
      for (let i = 0; i < 2; i++) await expect(node.cache.getOrSet('k', load)).rejects.toBeDefined()
      expect(await node.cache.get('k')).toBe(undefined)
      expect(await other.cache.get('k')).toBe(undefined)
      expect(await other.cache.getOrSet('k', load)).toEqual(USER)
      expect(loads).toBe(3)
    },
  )
})
