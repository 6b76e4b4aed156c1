import { deepEqual } from 'node:assert/strict'
import type { BusCase } from './bus-case.ts'

const FRAMES = 200

export const orderCases: readonly BusCase[] = [
  {
    name: 'frames of one connection come in the order in which they were published',
    rule: 'order',
    async run(stage) {
      const [a, b] = [await stage.open(), await stage.open()]
      // Long and short ones: neither overtakes the other.
      const frames = Array.from({ length: FRAMES }, (_, i) => `${i} ${'x'.repeat((i % 7) * 700)}`)
      await Promise.all(frames.map((frame) => a.say(frame)))
      await stage.settled(b)
      stage.expectFrames(b, frames)
    },
  },
  {
    name: 'all subscribers see one order',
    rule: 'order',
    async run(stage) {
      const nodes = await Promise.all([1, 2, 3].map(() => stage.open()))
      const saying = nodes.map(async (node, i) => {
        for (let n = 0; n < FRAMES / 4; n++) await node.say(`${i}:${n}`)
      })
      await Promise.all(saying)
      await stage.settled(...nodes)
      const [first, ...others] = nodes.map((node) => node.frames.filter((frame) => !frame.startsWith('mark')))
      for (const other of others) deepEqual(other, first)
    },
  },
  {
    name: 'what is published after another frame was accepted comes behind it, whoever publishes',
    rule: 'order',
    async run(stage) {
      const nodes = await Promise.all([1, 2, 3].map(() => stage.open()))
      const said: string[] = []
      for (let n = 0; n < FRAMES; n++) {
        const frame = `${n}`
        said.push(frame)
        await nodes[n % nodes.length]?.say(frame)
      }
      await stage.settled(...nodes)
      for (const node of nodes) stage.expectFrames(node, said)
    },
  },
]
