import { typed } from '../codec/typed.ts'
import type { Policy } from '../policy.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { GIVEN_BACK } from './given-back.ts'
import { load } from './load.ts'
import { read } from './read.ts'
import { answerOf } from './value.ts'

/**
 * Cache-aside by hand, fenced: either a value, or the duty to load it. `fill` stores what was loaded, unless something
 * was invalidated since `reserve`, and answers the value as the cache keeps it; `release` gives the duty back. One of
 * them must be called: until then, or until hardTimeout, others wait.
 */
export type Reservation<T> =
  | { readonly value: T; readonly fill?: undefined; readonly release?: undefined }
  | {
      readonly value?: undefined
      fill(value: T | undefined): Promise<T | undefined>
      release(): Promise<void>
    }

/** A reservation is a load whose loader is the caller. A stale value is no answer to it: it is what is to be replaced. */
export async function reserve<T>(rt: Runtime, key: string, policy: Policy): Promise<Reservation<T>> {
  const mark = rt.mark()
  const budget = rt.budget()
  const found = await read(rt, key, policy, budget, 'load')
  if (found.state === 'fresh' && found.entry !== undefined) {
    rt.recorder.read(key, 'hit', found.tier)
    return { value: typed<T>(answerOf(rt, found.entry)) }
  }
  rt.recorder.read(key, 'miss', undefined, found.reason)
  const { promise: duty, resolve: onDuty } = Promise.withResolvers<Reservation<T>>()
  const { promise: loaded, resolve: give } = Promise.withResolvers<unknown>()
  const loader = () => {
    const end = async (value: unknown) => {
      give(value)
      return await answer
    }
    onDuty({
      fill: async (value) => typed<T | undefined>(await end(value)),
      release: async () => void (await end(GIVEN_BACK).catch(() => undefined)),
    })
    return loaded
  }
  const job = { loader, policy, seen: found.seen, background: false, placed: true, budget }
  const loading = load(rt, key, mark, job)
  const answer = loading.then(({ outcome }) => {
    if (outcome.kind === 'error') throw outcome.error
    return outcome.kind === 'value' ? answerOf(rt, outcome.entry) : undefined
  })
  // After hardTimeout nobody may be listening any more: fill tells of it.
  answer.catch(() => undefined)
  // A load that was only shared may end without a value: then the duty is still to be had.
  const shared = loading.then(async ({ outcome, led }) =>
    outcome.kind === 'nothing' && !led
      ? await reserve<T>(rt, key, policy)
      : { value: typed<T>(await answer) },
  )
  shared.catch(() => undefined)
  return await Promise.race([duty, shared])
}
