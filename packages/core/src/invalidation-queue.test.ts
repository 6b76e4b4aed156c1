import { expect, test } from 'vitest'
import { type Invalidation, InvalidationQueue } from './invalidation-queue.ts'

const keys = (...names: string[]): Invalidation => ({ kind: 'keys', names })
const expired = (...names: string[]): Invalidation => ({ kind: 'expire-keys', names })
const tags = (...names: string[]): Invalidation => ({ kind: 'tags', names })

async function replayed(queue: InvalidationQueue): Promise<Invalidation[]> {
  const sent: Invalidation[] = []
  await queue.replay(async (owed) => void sent.push(owed))
  return sent
}

test('each name is owed once, and a removal outweighs an expiry', async () => {
  const queue = new InvalidationQueue(10)
  for (const one of [expired('a', 'b'), keys('a'), expired('a'), keys('a'), tags('a')]) queue.add(one)
  expect(queue.size).toBe(3)
  expect(await replayed(queue)).toEqual([keys('a'), expired('b'), tags('a')])
  expect(queue.size).toBe(0)
})

test('more names than its bound are one clear', async () => {
  const queue = new InvalidationQueue(2)
  queue.add(keys('a', 'b'))
  expect(queue.size).toBe(2)
  queue.add(tags('c'))
  expect(queue.size).toBe(1)
  queue.add(keys('d'))
  expect(await replayed(queue)).toEqual([{ kind: 'clear' }])
})

test('what fails stays, and what is on its way is owed', async () => {
  const queue = new InvalidationQueue(10)
  queue.add(keys('a'))
  const { promise, reject } = Promise.withResolvers<void>()
  const replay = queue.replay(() => promise)
  queue.add(keys('b'))
  expect(queue.size).toBe(2)
  reject(new Error('lost'))
  await expect(replay).rejects.toThrow('lost')
  expect(queue.size).toBe(2)
  expect(await replayed(queue)).toEqual([keys('b', 'a')])
})

test('all of it can be taken for another to be told, that which is on its way too', async () => {
  const queue = new InvalidationQueue(10)
  queue.add(keys('a'))
  const { promise, resolve } = Promise.withResolvers<void>()
  const replay = queue.replay(() => promise)
  queue.add(expired('b'))
  expect(queue.takeAll()).toEqual([keys('a'), expired('b')])
  resolve()
  await replay
  expect(queue.size).toBe(0)
  expect(queue.takeAll()).toEqual([])
})
