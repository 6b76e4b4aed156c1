import { equal, ok } from 'node:assert/strict'
import { FRAME_BYTES_MAX } from 'holdfast/contracts'
import { rejectsWith } from '../../conformance/rejects.ts'
import type { BusCase } from './bus-case.ts'

const FOREIGN_BYTES = 5 * 1024 * 1024
// What a busy machine may add to a deadline.
const LATE_MS_MAX = 500
const GIVEN_MS = 50

export const faultCases: readonly BusCase[] = [
  {
    name: 'who was cut off is told so, and hears what is published once he is back',
    rule: 'loss',
    needs: ['cut'],
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      await stage.cut()
      for (const node of [a, b]) {
        await stage.told(node, 'lost')
        await stage.until(
          () => node.events.lastIndexOf('connected') > node.events.indexOf('lost'),
          'to be back',
        )
      }
      await a.say('again')
      await stage.settled(b)
      stage.expectFrames(b, ['again'])
    },
  },
  {
    name: 'without a connection publishing is refused at once, and nothing is kept for later',
    rule: 'bounds',
    needs: ['stop'],
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      await stage.whileAway(async () => {
        await stage.told(a, 'lost')
        const startMs = stage.clock.now()
        await rejectsWith(a.say('never'), 'bus_unavailable')
        ok(stage.clock.now() - startMs < LATE_MS_MAX, 'refused at once')
      })
      for (const node of [a, b]) {
        await stage.until(
          () => node.events.lastIndexOf('connected') > node.events.indexOf('lost'),
          'to be back',
        )
      }
      await a.say('now')
      await stage.settled(b)
      stage.expectFrames(b, ['now'])
    },
  },
  {
    name: 'a bus that is away when it is opened is there later',
    rule: 'bounds',
    needs: ['stop'],
    async run(stage) {
      let node = stage.openAnyway()
      await stage.whileAway(async () => {
        node = stage.openAnyway()
        await rejectsWith(node.say('never'), 'bus_unavailable')
        equal(node.events.includes('connected'), false)
      })
      await stage.told(node, 'connected')
      await node.say('now')
      await stage.settled(node)
      stage.expectFrames(node, ['now'])
    },
  },
  {
    name: 'no caller waits for longer than he said',
    rule: 'bounds',
    needs: ['stall'],
    async run(stage) {
      const a = await stage.open()
      await stage.whileStalled(async () => {
        const startMs = stage.clock.now()
        await rejectsWith(a.say('late', GIVEN_MS), 'bus_unavailable')
        ok(stage.clock.now() - startMs >= GIVEN_MS - 1, 'not before the deadline')
        ok(stage.clock.now() - startMs < GIVEN_MS + LATE_MS_MAX, 'at the deadline')
      })
    },
  },
  {
    name: 'a foreign frame that is too long is passed over, and told of',
    rule: 'bounds',
    needs: ['plant'],
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      await stage.plant(Buffer.alloc(FRAME_BYTES_MAX + 1))
      await stage.plant(Buffer.alloc(FOREIGN_BYTES))
      await stage.plant(Buffer.from('short'))
      await a.say('own')
      await stage.settled(a, b)
      for (const node of [a, b]) {
        stage.expectFrames(node, ['short', 'own'])
        equal(node.events.filter((event) => event === 'dropped').length, 2)
        equal(node.events.includes('lost'), false)
      }
    },
  },
  {
    name: 'after close nothing is told any more, and publishing is refused',
    rule: 'bounds',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      await b.say('one')
      await stage.settled(a)
      const told = a.events.length
      await a.connection.close()
      await a.connection.close()
      await rejectsWith(a.say('late'), 'bus_unavailable', 'closed')
      await b.say('two')
      await stage.settled(b)
      equal(a.events.length, told)
      stage.expectFrames(b, ['one', 'two'])
    },
  },
]
