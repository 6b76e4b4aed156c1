import { expirySeconds } from '../client/expiry-seconds.ts'
import type { MemcachedClient } from '../client/memcached-client.ts'
import { type MetaCommand, md, mg, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { Names } from '../island/names.ts'
import { SEALED } from '../island/sealed.ts'
import { nameInRing } from './island.ts'
import type { RingGlance, RingItem, RingItems, RingLook } from './ring-items.ts'
import { decodeMark, encodeMark } from './ring-mark.ts'

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
    const asked = [mg(this.#record, 'v c f'), mg(this.#token(epoch), 'v c')]
    const [record, token] = await this.#client.sendAll(asked, { by })
    return { record: foundRecord(record), token: foundToken(token) }
  }

  glance(epoch: string, by: number): Promise<RingGlance> {
    return this.#glance(mg(this.#record, 'f'), epoch, by)
  }

  async write(record: RingItem, cas: string | undefined, lifeMs: number, by: number): Promise<boolean> {
    const { text, mark } = record
    const mode = cas === undefined ? 'ME' : `C${cas}`
    const flags = `${mode} F${encodeMark(mark)} ${this.#life(lifeMs)}`
    const reply = await this.#client.send(ms(this.#record, text, flags), { by })
    return reply.code === 'HD'
  }

  prolong(epoch: string, lifeMs: number, by: number): Promise<RingGlance> {
    return this.#glance(mg(this.#record, `f ${this.#life(lifeMs)}`), epoch, by)
  }

  async seal(epoch: string, by: number): Promise<void> {
    await this.#client.send(ms(this.#token(epoch), SEALED, 'T0'), { by })
  }

  async renew(epoch: string, cas: string, by: number): Promise<void> {
    await this.#client.send(md(this.#token(epoch), `C${cas}`), { by })
  }

  async #glance(askedOfRecord: MetaCommand, epoch: string, by: number): Promise<RingGlance> {
    const asked = [askedOfRecord, mg(this.#token(epoch), 'v')]
    const [record, token] = await this.#client.sendAll(asked, { by })
    const mark = record?.code === 'HD' ? decodeMark(record.clientFlags) : undefined
    return { mark, isSealed: isSeal(token) }
  }

  #token(epoch: string): MetaKey {
    return new Names(nameInRing(epoch, this.#namespace)).own('n')
  }

  #life(ms: number): string {
    return `T${expirySeconds(ms, this.#client.serverNow())}`
  }
}

function foundRecord(reply: MetaReply | undefined): RingLook['record'] {
  if (reply?.code !== 'VA' || reply.cas === undefined) return undefined
  const { value, clientFlags, cas } = reply
  return { text: value?.toString() ?? '', mark: decodeMark(clientFlags), cas }
}

function foundToken(reply: MetaReply | undefined): RingLook['token'] {
  if (reply?.code !== 'VA' || reply.cas === undefined) return undefined
  return { isSealed: isSeal(reply), cas: reply.cas }
}

function isSeal(reply: MetaReply | undefined): boolean {
  return reply?.code === 'VA' && reply.value?.toString('latin1') === SEALED
}
