/** The inside of a thread that is one node: answers one message at a time, in order. */
import { parentPort, workerData } from 'node:worker_threads'
import { type NodeSetup, RaceNode } from './race-node.ts'
import type { ThreadAnswer, ThreadCall } from './thread-node.ts'

const setup: NodeSetup = workerData
const node = new RaceNode(setup)

parentPort?.on('message', ({ id, call }: ThreadCall) => {
  node[call]().then(
    (value) => answer({ id, value: value ?? undefined }),
    (error: unknown) => answer({ id, error: String(error) }),
  )
})

function answer(message: ThreadAnswer): void {
  parentPort?.postMessage(message)
}
