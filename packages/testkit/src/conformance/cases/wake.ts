import { equal } from 'node:assert/strict'
import type { CaseDefinition } from '../case-definition.ts'
import type { Client, Load } from '../client.ts'
import type { Stage } from '../stage.ts'

interface Waiting {
  readonly holder: Client
  readonly load: Load
  readonly waiter: Client
}

async function busyOn(stage: Stage, key: string): Promise<Waiting> {
  const [holder, waiter] = [await stage.open(), await stage.open()]
  const load = await holder.win(key)
  equal((await waiter.acquire(key)).state, 'busy')
  waiter.watcher.forget()
  return { holder, load, waiter }
}

function woken(stage: Stage, { watcher }: Client): Promise<void> {
  return stage.until(() => watcher.has('key k') || watcher.has('lease k'), "a waiter's wake-up")
}

/** Who was busy is told when waiting may be over. */
export const wakeCases: readonly CaseDefinition[] = [
  {
    name: 'a fill wakes who waits',
    rule: 'WAIT',
    needs: ['push'],
    run: async (stage) => {
      const { holder, load, waiter } = await busyOn(stage, 'k')
      await holder.fill(load, 'v')
      await woken(stage, waiter)
    },
  },
  {
    name: 'a release wakes who waits',
    rule: 'WAIT',
    needs: ['push'],
    run: async (stage) => {
      const { holder, load, waiter } = await busyOn(stage, 'k')
      await holder.namespace.release('k', load.token, holder.by)
      await stage.told(waiter, 'lease k')
    },
  },
  {
    name: 'an invalidation wakes who waits, though no value was there to remove',
    rule: 'WAIT',
    needs: ['push'],
    run: async (stage) => {
      const { holder, waiter } = await busyOn(stage, 'k')
      await holder.namespace.invalidate(['k'], holder.by)
      await stage.told(waiter, 'lease k')
    },
  },
  {
    name: 'a put wakes who waits',
    rule: 'WAIT',
    needs: ['push'],
    run: async (stage) => {
      const { holder, waiter } = await busyOn(stage, 'k')
      await holder.put('k', 'v')
      await woken(stage, waiter)
    },
  },
  {
    name: 'who waits twice is woken twice',
    rule: 'WAIT',
    needs: ['push'],
    run: async (stage) => {
      const { holder, load, waiter } = await busyOn(stage, 'k')
      await holder.namespace.release('k', load.token, holder.by)
      await stage.told(waiter, 'lease k')
      const again = await holder.win('k')
      equal((await waiter.acquire('k')).state, 'busy')
      waiter.watcher.forget()
      await holder.namespace.release('k', again.token, holder.by)
      await stage.told(waiter, 'lease k')
    },
  },
]
