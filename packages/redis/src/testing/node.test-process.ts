import { FloodNode } from './flood-node.ts'
import { HerdNode } from './herd-node.ts'
import type { NodeKind, TestCall, TestReply } from './test-process.ts'
import { ValueNode } from './value-node.ts'

interface NodeOptions {
  readonly url: string
}

/** The main file of a TestProcess. */
const nodes = {
  herd: (options: NodeOptions) => new HerdNode(options),
  flood: (options: NodeOptions) => new FloodNode(options),
  values: (options: NodeOptions) => new ValueNode(options),
} satisfies Record<NodeKind, (options: NodeOptions) => object>

const [, , kind = '', options = ''] = process.argv
const node: object | undefined = Object.entries(nodes).find(([name]) => name === kind)?.[1](
  JSON.parse(options),
)
if (node === undefined) throw new TypeError(`no node is called ${kind}`)

async function perform(text: string): Promise<TestReply<unknown>> {
  const { id, method, argument }: TestCall = JSON.parse(text)
  try {
    return { id, answer: await Reflect.get(node ?? {}, method).call(node, argument) }
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

process.on('message', (text) => {
  perform(String(text)).then((reply) => process.send?.(JSON.stringify(reply)))
})
// Whoever started it has gone.
process.on('disconnect', () => process.exit())
