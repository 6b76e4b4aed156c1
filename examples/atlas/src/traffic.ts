import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** What the traffic worker is given. */
export interface TrafficPlan {
  /** Addresses of the nodes; requests are spread over them. */
  readonly urls: readonly string[]
  readonly perSecond: number
}

/**
 * Starts the traffic, in a worker thread: its own work does not delay the answers that are measured. Resolves
 * when the first requests are on their way.
 */
export async function startTraffic(plan: TrafficPlan): Promise<{ stop(): Promise<void> }> {
  const worker = new Worker(new URL('./traffic-worker.ts', import.meta.url), { workerData: plan })
  await once(worker, 'message')
  return {
    stop: async () => {
      await worker.terminate()
    },
  }
}
