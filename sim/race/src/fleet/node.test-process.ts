/** The main file of a NodeProcess. */
import { Channel } from './channel.ts'
import { HerdNode } from './herd-node.ts'
import { HoldfastNode } from './holdfast-node.ts'
import { NaiveNode } from './naive-node.ts'
import type { NodeKind } from './node-process.ts'
import type { Outside } from './outside.ts'
import type { RaceNodeOptions } from './race-node.ts'

const outside: Outside = {
  read: (id) => channel.call('read', id),
  commitNew: (id) => channel.call('commitNew', id),
  countLoad: (id) => channel.call('countLoad', id),
  command: (...args) => channel.call('command', ...args),
}

const nodes: Record<NodeKind, (options: RaceNodeOptions) => object> = {
  holdfast: (options) => new HoldfastNode(options, outside),
  naive: () => new NaiveNode(outside),
  herd: ({ place }) => new HerdNode(place, outside),
}

const [, , kind = '', options = ''] = process.argv
const node = Object.entries(nodes).find(([name]) => name === kind)?.[1](JSON.parse(options))
if (node === undefined) throw new TypeError(`no node is called ${kind}`)

const channel = new Channel((text) => process.send?.(text), node)
process.on('message', (text) => channel.take(String(text)))
// Whoever started it has gone.
process.on('disconnect', () => process.exit())
