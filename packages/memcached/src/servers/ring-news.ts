import { type StoreEnvironment, show } from 'holdfast/contracts'
import { nameSome } from './name-some.ts'
import { describeOtherList } from './other-list.ts'
import type { PoolServer } from './pool-server.ts'
import type { Ring } from './ring.ts'
import { decodeRecord, type RingRecord } from './ring-record.ts'

/** Of which pool, and for which of its namespaces. */
export interface NewsOwner {
  readonly environment: StoreEnvironment
  /** Of the pool. */
  readonly address: string
  readonly namespace: string
}

/** What the log is told of a ring that is not used, for one namespace: each line once, until one is used. */
export class RingNews {
  readonly #owner: NewsOwner
  #isWaitTold = false
  #isDisplacementTold = false
  #isOver = false

  constructor(owner: NewsOwner) {
    this.#owner = owner
  }

  /** It is not to be used yet, for at most so long: these of its servers have not admitted it. */
  waiting(ms: number, notReached: readonly PoolServer[]): void {
    if (this.#isWaitTold) return
    this.#isWaitTold = true
    const text = `waiting for up to ${ms / 1000} s until nobody can be using another list of servers`
    const names = nameSome(notReached.map(({ island }) => island.address))
    this.#log('info', `${text} for ${this.#name}${names === '' ? '' : ` (not reached: ${names})`}`)
  }

  /** Another is in use: told with what its record says, which is looked at for this alone. */
  displaced(ring: Ring): void {
    if (this.#isDisplacementTold) return
    this.#isDisplacementTold = true
    void this.#recordsOn(ring).then((records) => {
      if (this.#isOver) return
      const theirs = records.find(({ epoch }) => epoch !== ring.record.epoch)
      const text = `another list of servers is in use for ${this.#name}`
      const difference = describeOtherList(ring.record, theirs)
      this.#log('warn', `${text} (${difference}); going on without it`)
    })
  }

  used(): void {
    this.#isWaitTold = false
    this.#isDisplacementTold = false
  }

  close(): void {
    this.#isOver = true
  }

  /** What the servers of a ring remember, as far as they answer. */
  async #recordsOn(ring: Ring): Promise<readonly RingRecord[]> {
    const { environment, namespace } = this.#owner
    const by = environment.clock.now() + environment.l2TimeoutMs
    const looks = ring.servers.map(async ({ island }) => {
      const { record } = await island.ringItems(namespace).look(ring.record.epoch, by)
      return record === undefined ? undefined : decodeRecord(record.text)
    })
    const ended = await Promise.allSettled(looks)
    return ended.flatMap((look) => (look.status === 'fulfilled' ? (look.value ?? []) : []))
  }

  get #name(): string {
    return show(this.#owner.namespace)
  }

  #log(level: 'info' | 'warn', text: string): void {
    const { environment, address } = this.#owner
    environment.log(level, `L2 ${address}: ${text}`)
  }
}
