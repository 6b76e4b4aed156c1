import { describe, expect, test } from 'vitest'
import { busConformance } from './bus-conformance.ts'
import { busMutants } from './bus-mutants.ts'
import { memoryBus } from './memory-bus.ts'
import { memoryBusHarness } from './memory-bus-harness.ts'

// Long enough for what the model delivers in the next turn.
const PATIENCE_MS = 100
const HANG_MS = 1500

/** The case that must fail over a mutant. Every case is in here, so that none is without teeth. */
const caughtBy: Readonly<Record<string, string>> = {
  'drops every seventh frame': 'small frames at an even pace all come',
  'delivers every seventh frame twice': 'small frames at an even pace all come',
  'has an order for each subscriber': 'all subscribers see one order',
  'swaps every seventh frame with the next':
    'frames of one connection come in the order in which they were published',
  'delays every seventh frame':
    'what is published after another frame was accepted comes behind it, whoever publishes',
  'swallows every third small frame': 'small frames at an even pace all come',
  'answers before it has accepted':
    'what is published after another frame was accepted comes behind it, whoever publishes',
  'keeps its own frames from their publisher':
    'a frame comes to every subscriber, its publisher included, once',
  'has one topic': 'a topic is heard by its own subscribers, whatever it is called',
  'cuts frames at the first NUL': 'every byte comes as it was, up to the longest frame',
  'keeps the bytes that it was given': 'what the publisher does with his bytes afterwards changes nothing',
  'delivers inside of the call': 'nothing is told inside of a call',
  'ends with a listener that throws': 'a listener that throws harms nobody',
  'never tells of a loss': 'who was cut off is told so, and hears what is published once he is back',
  'tells of no connection but the first':
    'who was cut off is told so, and hears what is published once he is back',
  'keeps what it cannot send for later':
    'without a connection publishing is refused at once, and nothing is kept for later',
  'fails where it is away when it is opened': 'a bus that is away when it is opened is there later',
  'waits for as long as it takes': 'no caller waits for longer than he said',
  'hands out frames of any length': 'a foreign frame that is too long is passed over, and told of',
  'says nothing of frames that are too long': 'a foreign frame that is too long is passed over, and told of',
  'goes on after it was closed': 'after close nothing is told any more, and publishing is refused',
}

/** Whether a case rejects; one that hangs has failed too. */
async function isFailing(run: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), HANG_MS)
  })
  const outcome = run().then(
    () => false,
    () => true,
  )
  return await Promise.race([outcome, hang]).finally(() => clearTimeout(timer))
}

describe('the bus in memory is a bus', () => {
  for (const { name, rule, lacks, run } of busConformance(memoryBusHarness(memoryBus()))) {
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})

describe('the suite fails a bus that', () => {
  test.each(Object.entries(busMutants))('%s', async (mutant, decorate) => {
    const harness = { ...memoryBusHarness(memoryBus(), decorate), patienceMs: PATIENCE_MS }
    const found = busConformance(harness).find(({ name }) => name === caughtBy[mutant])
    expect(found, `the case that catches '${mutant}'`).toBeDefined()
    expect(await isFailing(async () => await found?.run())).toBe(true)
  })
})

test('every case catches a mutant', () => {
  const names = busConformance(memoryBusHarness(memoryBus())).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect([...new Set(Object.values(caughtBy))].sort()).toEqual([...names].sort())
})

test('a case says what its harness lacks', () => {
  const lacking = busConformance({ bus: memoryBus() }).flatMap(({ lacks }) => lacks ?? [])
  expect([...new Set(lacking)].sort()).toEqual(['cut', 'plant', 'stall', 'stop'])
})
