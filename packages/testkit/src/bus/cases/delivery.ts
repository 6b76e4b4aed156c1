import { equal, ok } from 'node:assert/strict'
import { FRAME_BYTES_MAX } from 'holdfast/contracts'
import type { BusCase } from './bus-case.ts'

// Small ones, as a beat is, at the pace of beats: what a bus may think that nobody misses.
const BEATS = 40
const BEAT_PACE_MS = 2

const TOPICS = ['a b', 'a*', '*', 'a\r\nPUBLISH x y', '{a}', 'a:b', 'ä', '日本', '__proto__']

export const deliveryCases: readonly BusCase[] = [
  {
    name: 'a frame comes to every subscriber, its publisher included, once',
    rule: 'delivery',
    async run(stage) {
      const [a, b, c] = [await stage.open(), await stage.open(), await stage.open()]
      await a.say('one')
      await b.say('two')
      await stage.settled(a, b, c)
      for (const client of [a, b, c]) stage.expectFrames(client, ['one', 'two'])
    },
  },
  {
    name: 'every byte comes as it was, up to the longest frame',
    rule: 'delivery',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      const every = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
      const frames = ['\0', '\r\n', every, every.repeat(FRAME_BYTES_MAX / 256)]
      for (const frame of frames) await a.say(frame)
      await stage.settled(a, b)
      stage.expectFrames(b, frames)
      stage.expectFrames(a, frames)
    },
  },
  {
    name: 'small frames at an even pace all come',
    rule: 'delivery',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      const beats = Array.from({ length: BEATS }, (_, i) => `beat ${i}`)
      for (const beat of beats) {
        await a.say(beat)
        await stage.pass(BEAT_PACE_MS)
      }
      await stage.settled(b)
      stage.expectFrames(b, beats)
    },
  },
  {
    name: 'a topic is heard by its own subscribers, whatever it is called',
    rule: 'delivery',
    async run(stage) {
      const nodes = await Promise.all(TOPICS.map((topic) => stage.open(`${stage.topic} ${topic}`)))
      await Promise.all(nodes.map((node, i) => node.say(`for ${i}`)))
      await stage.settled(...nodes)
      nodes.forEach((node, i) => {
        stage.expectFrames(node, [`for ${i}`])
      })
    },
  },
  {
    name: 'what the publisher does with his bytes afterwards changes nothing',
    rule: 'delivery',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      const bytes = Buffer.alloc(2000, 'x')
      await a.say(bytes)
      bytes.fill('y')
      await stage.settled(b)
      stage.expectFrames(b, ['x'.repeat(2000)])
    },
  },
  {
    name: 'nothing is told inside of a call',
    rule: 'delivery',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      await Promise.all([a.say('one'), b.say('two')])
      await stage.settled(a, b)
      ok(!a.reentered && !b.reentered, 'a listener was called from within open or publish')
    },
  },
  {
    name: 'a listener that throws harms nobody',
    rule: 'delivery',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      a.onReceived = () => {
        throw new Error('a listener of the suite')
      }
      await b.say('one')
      await b.say('two')
      await stage.settled(b)
      await stage.told(a, 'two')
      stage.expectFrames(b, ['one', 'two'])
      equal(a.events.includes('lost'), false)
    },
  },
]
