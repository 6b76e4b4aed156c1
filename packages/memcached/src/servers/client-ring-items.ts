import { expirySeconds } from '../client/expiry-seconds.ts'
import type { MemcachedClient } from '../client/memcached-client.ts'
import { md, mg, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { Names } from '../island/names.ts'
import { SEALED } from '../island/sealed.ts'
import { nameInRing } from './island.ts'
import type { RingItems, RingLook } from './ring-items.ts'

/** What a ring keeps on a Memcached server: the record `r` under the namespace's own name, the token `n` of each ring. */
export class ClientRingItems implements RingItems {
  readonly #client: MemcachedClient
  readonly #namespace: string
  readonly #record: MetaKey

  constructor(client: MemcachedClient, namespace: string) {
    this.#client = client
    this.#namespace = namespace
    this.#record = new Names(namespace).own('r')
  }

  async look(epoch: string, by: number): Promise<RingLook> {
    const asked = [mg(this.#record, 'v c'), mg(this.#token(epoch), 'v')]
    const [record, token] = await this.#client.sendAll(asked, { by })
    const { value, cas } = record ?? {}
    const found =
      record?.code === 'VA' && cas !== undefined ? { text: value?.toString() ?? '', cas } : undefined
    return { record: found, isSealed: isSeal(token) }
  }

  async write(record: string, cas: string | undefined, lifeMs: number, by: number): Promise<boolean> {
    const mode = cas === undefined ? 'ME' : `C${cas}`
    const reply = await this.#client.send(ms(this.#record, record, `${mode} ${this.#life(lifeMs)}`), { by })
    return reply.code === 'HD'
  }

  async prolong(lifeMs: number, by: number): Promise<string | undefined> {
    const reply = await this.#client.send(mg(this.#record, `v ${this.#life(lifeMs)}`), { by })
    return reply.code === 'VA' ? (reply.value?.toString() ?? '') : undefined
  }

  async seal(epoch: string, by: number): Promise<void> {
    await this.#client.send(ms(this.#token(epoch), SEALED, 'T0'), { by })
  }

  async unseal(epoch: string, by: number): Promise<void> {
    const reply = await this.#client.send(mg(this.#token(epoch), 'v c'), { by })
    // By its cas: who sealed it again meanwhile has done so for a reason.
    if (isSeal(reply)) await this.#client.send(md(this.#token(epoch), `C${reply.cas}`), { by })
  }

  #token(epoch: string): MetaKey {
    return new Names(nameInRing(epoch, this.#namespace)).own('n')
  }

  #life(ms: number): string {
    return `T${expirySeconds(ms, this.#client.serverNow())}`
  }
}

function isSeal(reply: MetaReply | undefined): boolean {
  return reply?.code === 'VA' && reply.value?.toString('latin1') === SEALED
}
