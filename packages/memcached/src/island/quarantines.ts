import { CacheError, type Token, type Names as TouchedNames } from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { type MetaCommand, md, mg, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { CLOCKS_APART_MS_MAX } from '../client/server-clock.ts'
import type { Place } from './place.ts'

interface Member {
  readonly token: Token
  /** Server time. */
  readonly endMs: number
}

/** The quarantine of one name, as it was last seen. */
interface Item {
  readonly key: MetaKey
  /** undefined: there is none. */
  readonly cas: string | undefined
  readonly members: readonly Member[]
}

/** What this process left in a quarantine that it is alone in. */
interface Own extends Member {
  readonly cas: string
  readonly generation: number
}

/** What is to become of it. */
interface Change {
  readonly item: Item
  readonly members: readonly Member[]
  readonly command: MetaCommand
}

const TOKEN_BYTES = 8
const MEMBER_BYTES = TOKEN_BYTES + 6
// Whoever needs it for longer renews it, as core does each second. What ends later than that is no member.
const LIFE_MS_MAX = 60_000
// Writers that change one name at the same time, each of which may come first.
const ATTEMPTS_MAX = 16

/**
 * Quarantines of keys (q) and tags (x): lists of members, of which each is a writer and the end of its protection. They
 * are changed by cas. A name that is quarantined by one writer at a time costs one trip to set, to renew and to lift.
 */
export class Quarantines {
  readonly #place: Place
  /** What this process wrote last, and is alone in: until it is lifted, or has ended. In the order in which it was written. */
  readonly #own = new Map<string, Own>()

  constructor(place: Place) {
    this.#place = place
  }

  /** Names of which it is known what this process wrote there. */
  get remembered(): number {
    return this.#own.size
  }

  /** The connection is gone, and what was written over it may be counted anew. */
  forget(): void {
    this.#own.clear()
  }

  /** Asks whether any of these is quarantined; to be sent behind whatever is then to be believed. */
  ask(keys: readonly string[], tags: readonly string[]): MetaCommand[] {
    return this.#keysOf(keys, tags).map((key) => mg(key, 'v'))
  }

  /** What the replies to `ask` say. */
  isAnyLive(replies: readonly MetaReply[]): boolean {
    const now = this.#place.client.serverNow()
    return replies.some(({ value }) => liveMembersOf(value, now).length > 0)
  }

  /** Adds or prolongs this token's membership of every name, by a minute at most. `behind` is sent behind each attempt to write. */
  async set(
    names: TouchedNames,
    token: Token,
    lifeMs: number,
    behind: readonly MetaCommand[],
    by: number,
  ): Promise<void> {
    const { client } = this.#place
    const ownMs = Math.min(lifeMs, LIFE_MS_MAX)
    const endMs = client.serverNow() + ownMs
    // What this process did not write is taken for absent, and looked at if it is not.
    const items = this.#keysOf(names.keys, names.tags).map(
      (key) => this.#remembered(key, token) ?? { key, cas: undefined, members: [] },
    )
    const prolong = (item: Item): Change => {
      const others = item.members.filter((member) => member.token !== token)
      const members = [...others, { token, endMs }]
      const keepMs = Math.max(ownMs, leftMs(others, client.serverNow()))
      return { item, members, command: writing(item, members, keepMs, client.serverNow()) }
    }
    await this.#change(items, token, prolong, behind, by)
  }

  /** Removes this token's membership of every name. */
  async lift(names: TouchedNames, token: Token, by: number): Promise<void> {
    const { client } = this.#place
    const unknown: MetaKey[] = []
    const items: Item[] = []
    for (const key of this.#keysOf(names.keys, names.tags)) {
      const own = this.#remembered(key, token)
      // Whatever comes of it, there is nothing to know it for any more.
      this.#own.delete(key.text)
      if (own === undefined) unknown.push(key)
      else items.push(own)
    }
    if (unknown.length > 0) items.push(...(await this.#look(unknown, by)))
    const leave = (item: Item): Change | undefined => {
      const members = item.members.filter((member) => member.token !== token)
      if (members.length === item.members.length) return undefined
      const now = client.serverNow()
      const isLast = members.length === 0
      const command = isLast
        ? md(item.key, `C${item.cas}`)
        : writing(item, members, leftMs(members, now), now)
      return { item, members, command }
    }
    await this.#change(items, token, leave, [], by)
  }

  /** Changes each name by what was last seen of it, and looks again where somebody else came first. */
  async #change(
    items: readonly Item[],
    token: Token,
    change: (item: Item) => Change | undefined,
    behind: readonly MetaCommand[],
    by: number,
  ): Promise<void> {
    const { client } = this.#place
    this.#sweep()
    let left = items
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { generation } = client
      const changes = left.flatMap((item) => change(item) ?? [])
      const replies = await client.sendAll([...changes.map(({ command }) => command), ...behind], { by })
      const overtaken = changes.filter(({ item, members, command }, i) => {
        const { code, cas } = replies[i] ?? {}
        const isDone = code === 'HD' || (command.verb === 'md' && code === 'NF')
        this.#own.delete(item.key.text)
        const [member, ...others] = members
        const isAlone = isDone && others.length === 0 && member?.token === token
        if (isAlone && cas !== undefined) this.#own.set(item.key.text, { ...member, cas, generation })
        return !isDone
      })
      if (overtaken.length === 0) return
      left = await this.#look(
        overtaken.map(({ item }) => item.key),
        by,
      )
    }
    throw new CacheError('l2_error', 'too many writers change one quarantine at the same time', {
      tier: 'l2',
      retryable: true,
    })
  }

  /** Those that have ended without being lifted: their writer could not, or need not. */
  #sweep(): void {
    const now = this.#place.client.serverNow()
    for (const [key, { endMs }] of this.#own) {
      if (endMs > now) return
      this.#own.delete(key)
    }
  }

  /** What this token's writer left there, where nobody has joined it since. */
  #remembered(key: MetaKey, token: Token): Item | undefined {
    const own = this.#own.get(key.text)
    if (own?.token !== token || own.generation !== this.#place.client.generation) return undefined
    return { key, cas: own.cas, members: [{ token, endMs: 0 }] }
  }

  async #look(keys: readonly MetaKey[], by: number): Promise<Item[]> {
    const { client } = this.#place
    const replies = await client.sendAll(
      keys.map((key) => mg(key, 'v c')),
      { by },
    )
    const now = client.serverNow()
    return keys.map((key, i) => {
      const { cas, value } = replies[i] ?? {}
      return { key, cas, members: liveMembersOf(value, now) }
    })
  }

  #keysOf(keys: readonly string[], tags: readonly string[]): MetaKey[] {
    const { names } = this.#place
    return [...keys.map((key) => names.of('q', key)), ...tags.map((tag) => names.of('x', tag))]
  }
}

/** How long the last of these has left at most: others have written when they end, by clocks of their own. */
function leftMs(others: readonly Member[], serverNowMs: number): number {
  return Math.max(...others.map(({ endMs }) => endMs - serverNowMs + CLOCKS_APART_MS_MAX))
}

/** Writes the members over what was last seen, to be kept for so long. */
function writing(item: Item, members: readonly Member[], keepMs: number, serverNowMs: number): MetaCommand {
  const mode = item.cas === undefined ? 'ME' : `C${item.cas}`
  return ms(item.key, encode(members), `${mode} c T${expirySeconds(keepMs, serverNowMs)}`)
}

function encode(members: readonly Member[]): Buffer {
  const bytes = Buffer.allocUnsafe(members.length * MEMBER_BYTES)
  members.forEach(({ token, endMs }, i) => {
    bytes.write(token, i * MEMBER_BYTES, TOKEN_BYTES, 'latin1')
    bytes.writeUIntBE(Math.max(0, Math.ceil(endMs)), i * MEMBER_BYTES + TOKEN_BYTES, 6)
  })
  return bytes
}

/**
 * Those that have not ended: by none of the clocks that there may be, as the writer's may be the one that is most behind. It
 * takes its name out when it is done, and the server drops what has ended by its own clock: only where one has died among
 * others is a name protected for longer. What would last for ever was written by somebody else, and is as long by chance.
 */
function liveMembersOf(bytes: Buffer | undefined, serverNowMs: number): readonly Member[] {
  const endMsMax = serverNowMs + LIFE_MS_MAX + CLOCKS_APART_MS_MAX
  return membersOf(bytes).filter(
    ({ endMs }) => endMs + CLOCKS_APART_MS_MAX > serverNowMs && endMs <= endMsMax,
  )
}

/** The members of a list; of what is none (somebody else wrote it), none. */
function membersOf(bytes: Buffer | undefined): readonly Member[] {
  if (bytes === undefined || bytes.length % MEMBER_BYTES !== 0) return []
  return Array.from({ length: bytes.length / MEMBER_BYTES }, (_, i) => ({
    token: bytes.toString('latin1', i * MEMBER_BYTES, i * MEMBER_BYTES + TOKEN_BYTES),
    endMs: bytes.readUIntBE(i * MEMBER_BYTES + TOKEN_BYTES, 6),
  }))
}
