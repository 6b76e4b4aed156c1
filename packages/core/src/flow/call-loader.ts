import { validate } from '../codec/validate.ts'
import { CacheError, show } from '../contracts.ts'
import type { Policy } from '../policy.ts'
import type { LoadFlight } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { GIVEN_BACK } from './given-back.ts'

/** What a loader is told. */
export interface LoadContext {
  readonly key: string
  /** Fires when the last waiter has left, or the hard timeout has passed: pass it on to the database. */
  readonly signal: AbortSignal
}

/**
 * Reads the source of truth. undefined means: do not cache. Its duty: the state it reads is at least as new as its
 * own start (no outer snapshot transaction, no lagging replica).
 */
export type Loader<T = unknown> = (context: LoadContext) => T | undefined | Promise<T | undefined>

/**
 * Calls the loader once, in the async context of nobody, with its hard timeout and signal. Its error is passed on as
 * it is. A loader that does not heed its signal is left behind; what it answers later is dropped.
 */
export async function callLoader(
  rt: Runtime,
  flight: LoadFlight,
  job: { readonly loader: Loader; readonly policy: Policy; readonly background: boolean },
): Promise<unknown> {
  const { controller, key } = flight
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(controller.signal.reason)
  controller.signal.addEventListener('abort', onAbort, { once: true })
  const startedAt = rt.clock.now()
  const timer = rt.clock.after(
    job.policy.hardTimeoutMs,
    () => {
      const message = `the loader of ${show(key)} took longer than ${job.policy.hardTimeoutMs} ms`
      flight.closed = true
      controller.abort(new CacheError('loader_timeout', message, { key, retryable: true }))
    },
    job.background ? 'background' : 'caller',
  )
  try {
    controller.signal.throwIfAborted()
    const loading = async () => rt.asNobody(() => job.loader({ key, signal: controller.signal }))
    const value = await Promise.race([loading(), ended])
    const { validate: schema } = job.policy
    const checked =
      schema === undefined || value === undefined || value === GIVEN_BACK
        ? value
        : await Promise.race([validate(schema, value), ended])
    rt.recorder.load(key, rt.clock.now() - startedAt, job.background, false)
    return checked
  } catch (error) {
    rt.recorder.load(key, rt.clock.now() - startedAt, job.background, true, error)
    throw error
  } finally {
    timer.cancel()
    controller.signal.removeEventListener('abort', onAbort)
  }
}
