import { expect, test } from 'vitest'
import { InFlight } from './in-flight.ts'

const never = (): undefined => undefined
const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error) => `rejected ${error}`,
  )

test('replies go to commands in order, through many growths and turns of the ring', async () => {
  const inFlight = new InFlight<number>(never)
  const answers: Promise<number>[] = []
  let sent = 0
  let answered = 0
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < (round * 7) % 13; i++) {
      answers.push(inFlight.push({ by: Infinity }))
      sent++
    }
    inFlight.markWritten()
    while (inFlight.size > round) inFlight.reply(answered++)
  }
  while (inFlight.size > 0) inFlight.reply(answered++)
  expect(answered).toBe(sent)
  expect(await Promise.all(answers)).toEqual(Array.from({ length: sent }, (_, i) => i))
})

test('a reply is refused while nothing is written', () => {
  const inFlight = new InFlight<number>(never)
  expect(inFlight.reply(1)).toBe(false)
  void inFlight.push({ by: Infinity })
  expect(inFlight.reply(1)).toBe(false)
  inFlight.markWritten()
  expect(inFlight.reply(1)).toBe(true)
  expect(inFlight.reply(2)).toBe(false)
})

test('flags of written commands are right when the ring has grown in between', () => {
  const inFlight = new InFlight<number>(never)
  const send = (count: number): { written: boolean }[] =>
    Array.from({ length: count }, () => {
      const sent = { written: false }
      void inFlight.push({ by: Infinity, sent })
      return sent
    })
  send(40)
  inFlight.markWritten()
  for (let i = 0; i < 30; i++) inFlight.reply(i)
  const later = send(100)
  expect(later.some((sent) => sent.written)).toBe(false)
  inFlight.markWritten()
  expect(later.every((sent) => sent.written)).toBe(true)
})

test('expiry rejects what is due, keeps its place, and names the next deadline', async () => {
  const inFlight = new InFlight<string>(never)
  const answers = [30, 10, 20].map((by) => outcome(inFlight.push({ by })))
  inFlight.markWritten()
  expect(inFlight.expire(9, () => 'early')).toBe(10)
  expect(inFlight.expire(20, () => 'late')).toBe(30)
  expect(inFlight.size).toBe(3)
  expect(inFlight.oldestBy).toBe(30)
  for (const name of ['a', 'b', 'c']) inFlight.reply(name)
  expect(await Promise.all(answers)).toEqual(['a', 'rejected late', 'rejected late'])
  expect(inFlight.expire(99, () => 'none')).toBe(Infinity)
  expect(inFlight.oldestBy).toBe(Infinity)
})

test('failing everything tells written from unwritten commands', async () => {
  const inFlight = new InFlight<string>(never)
  const written = outcome(inFlight.push({ by: Infinity }))
  inFlight.markWritten()
  const unwritten = outcome(inFlight.push({ by: Infinity }))
  inFlight.failAll('lost', 'unsent')
  expect(await Promise.all([written, unwritten])).toEqual(['rejected lost', 'rejected unsent'])
  expect(inFlight.size).toBe(0)
})

test('a tap that throws in the middle of several replies rejects once and keeps the count', async () => {
  const inFlight = new InFlight<string>(never)
  const failing = outcome(
    inFlight.push({
      by: Infinity,
      replies: 2,
      tap: () => {
        throw 'tap'
      },
    }),
  )
  const next = outcome(inFlight.push({ by: Infinity }))
  inFlight.markWritten()
  for (const name of ['a', 'b', 'c']) inFlight.reply(name)
  expect(await Promise.all([failing, next])).toEqual(['rejected tap', 'c'])
})

test('a receiver that sends when it is told, where the ring is full: all the others are told too', () => {
  const inFlight = new InFlight<string>(never)
  const silent = { reply: () => undefined, fail: () => undefined }
  for (let i = 0; i < 100; i++) {
    inFlight.add(silent, { by: Infinity })
    inFlight.markWritten()
    inFlight.reply('x')
  }
  const told: number[] = []
  for (let i = 0; i < 64; i++) {
    const fail = (): void => {
      told.push(i)
      if (i === 4) inFlight.add(silent, { by: 1000 })
    }
    inFlight.add({ ...silent, fail }, { by: 10 })
  }
  inFlight.markWritten()
  expect(inFlight.expire(11, () => new Error('late'))).toBe(1000)
  expect(told).toEqual(Array.from({ length: 64 }, (_, i) => i))
})

test('an error among the replies to one command fails it, and the rest of them is dropped', async () => {
  const inFlight = new InFlight<string>((message) => (message === 'bad' ? new Error(message) : undefined))
  const failed = outcome(inFlight.push({ by: Infinity, replies: 2 }))
  const next = outcome(inFlight.push({ by: Infinity }))
  inFlight.markWritten()
  for (const message of ['bad', 'behind it', 'next']) inFlight.reply(message)
  expect([await failed, await next]).toEqual(['rejected Error: bad', 'next'])
})

/** To the command of a mark, texts that begin with it; `.` at the end says that it is the last. */
function completes(message: string, mark: number): boolean {
  if (!message.startsWith(`${mark}`)) throw new Error(`${message} is no answer to ${mark}`)
  return message.endsWith('.')
}

test('where the protocol says which reply is the last, those before it go to the tap alone', async () => {
  const inFlight = new InFlight<string>(never, completes)
  const seen: string[] = []
  const first = inFlight.push({ by: Infinity, mark: 1, tap: (message) => void seen.push(message) })
  const second = inFlight.push({ by: Infinity, mark: 2 })
  inFlight.markWritten()
  for (const message of ['1a', '1b', '1c.', '2.']) inFlight.reply(message)
  expect(seen).toEqual(['1a', '1b', '1c.'])
  expect([await first, await second]).toEqual(['1c.', '2.'])
})

test('a reply that cannot answer its command is refused, also where the caller has given up', async () => {
  const inFlight = new InFlight<string>(never, completes)
  const given = outcome(inFlight.push({ by: 5, mark: 1 }))
  inFlight.markWritten()
  inFlight.expire(6, () => 'timeout')
  expect(() => inFlight.reply('2.')).toThrow('2. is no answer to 1')
  expect(await given).toBe('rejected timeout')
})

test('an error in the middle of an open answer fails its command, and the rest of it is dropped', async () => {
  const inFlight = new InFlight<string>((message) => (message === '1!' ? 'no' : undefined), completes)
  const first = outcome(inFlight.push({ by: Infinity, mark: 1 }))
  const second = inFlight.push({ by: Infinity, mark: 2 })
  inFlight.markWritten()
  for (const message of ['1a', '1!', '1b', '1.', '2.']) inFlight.reply(message)
  expect(await first).toBe('rejected no')
  expect(await second).toBe('2.')
})

test('an answer behind its deadline is told to whoever asked to know, once, and an error to nobody', async () => {
  const inFlight = new InFlight<string>((message) => (message === 'error' ? new Error(message) : undefined))
  const late: string[] = []
  const tell = (message: string) => void late.push(message)
  const receiver = { reply: tell, fail: () => undefined, late: tell }
  const send = (by: number) => void outcome(inFlight.push({ by, late: tell }))
  send(10)
  inFlight.add(receiver, { by: 10 })
  send(10)
  void outcome(inFlight.push({ by: 10 }))
  send(20)
  send(10)
  inFlight.markWritten()
  inFlight.expire(10, () => 'late')
  // Lent, as whatever nobody waits for any more.
  expect(inFlight.borrows).toBe(true)
  for (const message of ['first', 'second', 'error', 'nobody’s', 'in time']) inFlight.reply(message)
  expect(late).toEqual(['first', 'second'])
  // What is lost is not late, and its place is used again.
  inFlight.failAll('lost', 'lost')
  void outcome(inFlight.push({ by: 30 }))
  inFlight.markWritten()
  inFlight.reply('another’s')
  expect(late).toEqual(['first', 'second'])
})
