import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Inbox } from './inbox.ts'

// As long as word of one key: 60 bytes, 156 with what a frame costs beside them.
const FRAME = Buffer.alloc(60)
const TURN_FRAMES_MAX = 421
const WAITING_FRAMES_MAX = 26_886

function numbered(n: number): Buffer {
  const frame = Buffer.from(FRAME)
  frame.writeUInt32BE(n)
  return frame
}

test('few frames are handled at once, in the call that brings them', () => {
  const handled: number[] = []
  const inbox = new Inbox(
    (frame) => handled.push(frame.readUInt32BE()),
    () => undefined,
  )
  for (let n = 0; n < 10; n++) inbox.take(numbered(n))
  expect(handled).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a burst keeps nobody waiting for longer than a turn, and stays in order', async () => {
  const handled: number[] = []
  const inbox = new Inbox(
    (frame) => handled.push(frame.readUInt32BE()),
    () => undefined,
  )
  // The socket's memory: used again for each frame.
  const memory = Buffer.alloc(60)
  for (let n = 0; n < 20_000; n++) {
    memory.writeUInt32BE(n)
    inbox.take(memory)
  }
  let before = 0
  let turns = 0
  while (handled.length < 20_000) {
    expect(handled.length - before).toBeLessThanOrEqual(TURN_FRAMES_MAX)
    before = handled.length
    turns++
    await turn()
  }
  expect(turns).toBeGreaterThanOrEqual(Math.floor(20_000 / TURN_FRAMES_MAX))
  expect(handled).toEqual(Array.from({ length: 20_000 }, (_, n) => n))
})

test('what comes in while others wait does not overtake them', async () => {
  const handled: number[] = []
  const inbox = new Inbox(
    (frame) => handled.push(frame.readUInt32BE()),
    () => undefined,
  )
  for (let n = 0; n < 600; n++) inbox.take(numbered(n))
  await turn()
  for (let n = 600; n < 700; n++) inbox.take(numbered(n))
  while (handled.length < 700) await turn()
  expect(handled).toEqual(Array.from({ length: 700 }, (_, n) => n))
})

test('beyond its bound all that waits is dropped, and told of; what comes later is handled', async () => {
  let handled = 0
  let overflows = 0
  const inbox = new Inbox(
    () => handled++,
    () => overflows++,
  )
  for (let n = 0; n < TURN_FRAMES_MAX + WAITING_FRAMES_MAX; n++) inbox.take(FRAME)
  expect(overflows).toBe(0)
  inbox.take(FRAME)
  expect(overflows).toBe(1)
  await turn()
  await turn()
  expect(handled).toBe(TURN_FRAMES_MAX)
  inbox.take(FRAME)
  expect(handled).toBe(TURN_FRAMES_MAX + 1)
})
