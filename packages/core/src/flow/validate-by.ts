import { validate } from '../codec/validate.ts'
import { CacheError, show } from '../contracts.ts'
import type { StandardSchema } from '../options.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** The schema's output, waited for until the moment `by`. Rejects with `invalid_load`. */
export async function validateBy(
  rt: Runtime,
  key: string,
  schema: StandardSchema,
  value: unknown,
  by: number,
): Promise<unknown> {
  const checked = validate(schema, value)
  if (!(checked instanceof Promise)) return checked
  const { promise: over, reject } = Promise.withResolvers<never>()
  const waitMs = Math.max(0, by - rt.clock.now())
  const late = () =>
    reject(new CacheError('invalid_load', `the schema of ${show(key)} did not answer in time`, { key }))
  const timer = rt.clock.after(waitMs, late, 'caller')
  try {
    return await Promise.race([checked, over])
  } finally {
    timer.cancel()
  }
}
