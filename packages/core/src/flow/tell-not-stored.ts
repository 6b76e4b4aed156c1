import { CacheError, show } from '../contracts.ts'
import type { Runtime } from '../runtime/runtime.ts'

/**
 * Tells that L2 does not store a value: each time as an event, and in the log, once, of one that is too large. Answers the
 * refusal of such a one, which names its key: it is too large by our bound, or by the server's own (Memcached's -I).
 */
export function tellNotStored(rt: Runtime, key: string, error: unknown): CacheError | undefined {
  if (!(error instanceof CacheError) || error.code !== 'value_too_large') {
    rt.recorder.trouble('l2.write_failed', key, error)
    return undefined
  }
  const refusal = error.key === undefined ? ofKey(key, error) : error
  const isFirst = rt.recorder.counters.tooLargeValues++ === 0
  rt.recorder.trouble('value_too_large', key, refusal)
  // Whoever loads such a value again and again should not have to listen to events to find out why.
  if (isFirst) {
    const fate = 'it is not stored (told once; see stats().tooLargeValues)'
    rt.log('warn', `cache ${show(rt.name)}: ${refusal.message}: ${fate}`)
  }
  return refusal
}

/** A store knows its own names of things only. */
function ofKey(key: string, cause: CacheError): CacheError {
  const message = `the value of ${show(key)} ${cause.message}`
  return new CacheError('value_too_large', message, { key, tier: 'l2', cause })
}
