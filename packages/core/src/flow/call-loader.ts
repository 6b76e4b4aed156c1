import { validate } from '../codec/validate.ts'
import { CacheError, show } from '../contracts.ts'
import type { LoadFlight } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { GIVEN_BACK } from './given-back.ts'
import type { Loaded, LoadJob } from './load-job.ts'
import type { Place } from './take-place.ts'

/**
 * Calls the loader once, on the place that was taken for it and in the async context of nobody, with its hard timeout
 * and signal. Its error is passed on as it is. A loader that does not heed its signal is left behind; what it answers later is dropped.
 */
export async function callLoader(
  rt: Runtime,
  flight: LoadFlight,
  job: LoadJob,
  place: Place,
): Promise<Loaded> {
  try {
    return await begin(rt, flight, job)
  } finally {
    place.leave()
  }
}

async function begin(rt: Runtime, flight: LoadFlight, job: LoadJob): Promise<Loaded> {
  const { controller, key } = flight
  const { policy, background } = job
  const { signal } = controller
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const startedAt = rt.clock.now()
  const loadMark = rt.mark()
  flight.loadMark = loadMark
  const timer = rt.clock.after(
    policy.hardTimeoutMs,
    () => {
      const message = `the loader of ${show(key)} took longer than ${policy.hardTimeoutMs} ms`
      flight.closed = true
      controller.abort(new CacheError('loader_timeout', message, { key, retryable: true }))
    },
    background ? 'background' : 'caller',
  )
  try {
    signal.throwIfAborted()
    const loading = async () => rt.asLoader(() => job.loader({ key, signal }), job.placed === true)
    const value = await Promise.race([loading(), ended])
    const { validate: schema } = policy
    const checked =
      schema === undefined || value === undefined || value === GIVEN_BACK
        ? value
        : await Promise.race([validate(schema, value), ended])
    rt.recorder.load(key, rt.clock.now() - startedAt, background, false)
    if (value !== GIVEN_BACK) rt.failing.succeeded(key)
    return { value: checked, loadMark, startedAt }
  } catch (error) {
    rt.recorder.load(key, rt.clock.now() - startedAt, background, true, error)
    if (!hasNoCallers(signal)) rt.failing.failed(key)
    throw error
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

/** Ended because every caller left, or the cache was closed: that says nothing of the loader. */
function hasNoCallers(signal: AbortSignal): boolean {
  const { reason } = signal
  return reason instanceof CacheError && (reason.code === 'aborted' || reason.code === 'closed')
}
