/** The inside of the thread that judges: reads the files of one window at a time, in order. */
import { parentPort } from 'node:worker_threads'
import { readHistory } from '@holdfast/testkit'
import { Judge } from './judge.ts'
import type { JudgeAnswer, JudgeCall } from './judge-thread.ts'

const judge = new Judge()
let turn: Promise<void> = Promise.resolve()

parentPort?.on('message', (call: JudgeCall) => {
  turn = turn.then(() => answer(call))
})

async function answer({ index, paths, endMs }: JudgeCall): Promise<void> {
  try {
    tell({ verdict: judge.judge(index, await readHistory(paths), endMs) })
  } catch (error) {
    tell({ error: String(error) })
  }
}

function tell(message: JudgeAnswer): void {
  parentPort?.postMessage(message)
}
