import { decorateStore } from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { awaitedReplies } from './awaited-replies.ts'
import { pause } from './clock.ts'
import type { Run } from './random-race.ts'
import { TwoNodes } from './two-nodes.ts'
import type { Verdict } from './verdict.ts'

// Longest hold: where the machine stalls, a READ or FILL that is waited for may never be sent.
const HELD_MS_MAX = 100

/** One round's order of events; each is awaited by the next. */
interface Order {
  /** The server has answered the first operation. */
  readonly answered: PromiseWithResolvers<void>
  /** The set has been stored, and its caller knows. */
  readonly isSet: PromiseWithResolvers<void>
}

/**
 * A node sets a key while a READ or a FILL of its own is on its way that the server served before: the set's command
 * was delayed (a script that the server has to be taught costs a round trip more), and the older reply is handled
 * last. The older value must not replace what was set in this node's L1, where no push would remove it.
 */
export async function overtakenBySet(
  what: 'read' | 'fill',
  l1: 'tracked' | 'none',
  run: Run,
): Promise<Verdict> {
  let order: Order | undefined
  await using nodes = await TwoNodes.open(run, { l1 }, (definition) => ordered(definition, what, () => order))
  const { first, second } = nodes
  /** The set begins before the READ is sent, or while the load goes on: what is on its way by then it kills. */
  const readBeforeSet = async (key: number): Promise<void> => {
    let isRead = false
    const read = first.reads.fresh(key).finally(() => {
      isRead = true
    })
    while (!isRead && !first.loads.isRunning(key)) await pause(0)
    if (isRead) order?.answered.resolve()
    await Promise.all([set(key), read])
  }
  const set = async (key: number): Promise<void> => {
    const isSet = order?.isSet
    await first.writes.set(key).finally(() => isSet?.resolve())
  }
  return await nodes.play(async (key) => {
    await second.writes.key(key)
    // Without pushes a node knows of no delete but its own.
    if (l1 === 'none') await first.writes.key(key)
    if (what === 'read') await second.reads.fresh(key)
    await first.cache.barrier()
    order = { answered: Promise.withResolvers<void>(), isSet: Promise.withResolvers<void>() }
    if (what === 'fill') await readBeforeSet(key)
    else await Promise.all([set(key), first.reads.fresh(key)])
    order = undefined
    await first.reads.fresh(key)
  })
}

/** Holds a PUT until the first READ or FILL was answered, and that answer until the PUT is done. */
function ordered(
  definition: StoreDefinition,
  what: 'read' | 'fill',
  orderOf: () => Order | undefined,
): StoreDefinition {
  const after = async <T>(reply: Promise<T>): Promise<T> => {
    const order = orderOf()
    const answer = await reply
    order?.answered.resolve()
    await held(order?.isSet.promise)
    return answer
  }
  const store = decorateStore(definition, {
    namespace: (inner) => ({
      put: async (request, by) => {
        await held(orderOf()?.answered.promise)
        return await inner.put(request, by)
      },
      ...(what === 'fill' ? { fill: (request, by) => after(inner.fill(request, by)) } : {}),
    }),
  })
  if (what === 'fill') return store
  return awaitedReplies(store, () => {
    const order = orderOf()
    order?.answered.resolve()
    return held(order?.isSet.promise)
  })
}

async function held(until: Promise<void> | undefined): Promise<void> {
  if (until !== undefined) await Promise.race([until, pause(HELD_MS_MAX)])
}
