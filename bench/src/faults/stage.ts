import { type FaultProxy, type RedisServer, startFaultProxy, startRedis } from '@holdfast/testkit'
import { nowMs, pause } from '../clock.ts'
import type { Ability, FaultContender } from './contender.ts'
import { FaultNode } from './fault-node.ts'
import { cameAbout, cannot, type Finding } from './judge.ts'
import type { CacheSettings } from './orders.ts'

const DEFAULTS: CacheSettings = { ttlMs: 60_000, hasBus: false }
// A probe every so often; each loads a key that nobody has asked for.
const PROBE_EVERY_MS = 25
const PROBE = 'probe'
const FIRST_USE_MS_MAX = 5000
const FILL_MS_MAX = 500

/** How large a row is played. */
export interface Scale {
  readonly processes: number
  readonly callers: number
  readonly floodedKeys: number
  /** Share of the time that faults last which are only waited for, 0..1. */
  readonly patience: number
}

/** Where one row is played for one contender: a server of its own, the network in front of it, and its nodes. */
export class Stage implements AsyncDisposable {
  readonly contender: FaultContender
  readonly scale: Scale
  readonly server: RedisServer
  readonly proxy: FaultProxy
  readonly #nodes: FaultNode[] = []
  #probes = 0

  private constructor(contender: FaultContender, scale: Scale, server: RedisServer, proxy: FaultProxy) {
    this.contender = contender
    this.scale = scale
    this.server = server
    this.proxy = proxy
  }

  static async set(contender: FaultContender, scale: Scale): Promise<Stage> {
    const server = await startRedis()
    try {
      return new Stage(contender, scale, server, await startFaultProxy(server))
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  /** Why a node ended by itself, if one did. */
  get crash(): string | undefined {
    return this.#nodes.find(({ crash }) => crash !== undefined)?.crash
  }

  has(ability: Ability): boolean {
    return !this.contender.lacks.includes(ability)
  }

  /** What is found where the contender has this; else that it has not. */
  ifAble(ability: Ability, find: () => Finding): Finding {
    return this.has(ability) ? find() : cannot(`no ${ability}`)
  }

  /** A node behind the faulty network, its cache open. */
  node(settings: Partial<CacheSettings> = {}): Promise<FaultNode> {
    return this.#open(`redis://127.0.0.1:${this.proxy.port}`, settings)
  }

  /** A node that reaches the server directly. */
  otherNode(settings: Partial<CacheSettings> = {}): Promise<FaultNode> {
    return this.#open(this.server.url, settings)
  }

  /** A node as above, its source of truth set, and L2 in use. */
  async readyNode(
    version: string,
    loadMs: number,
    settings: Partial<CacheSettings> = {},
  ): Promise<FaultNode> {
    return await this.#ready(await this.node(settings), version, loadMs)
  }

  async readyOtherNode(
    version: string,
    loadMs: number,
    settings: Partial<CacheSettings> = {},
  ): Promise<FaultNode> {
    return await this.#ready(await this.otherNode(settings), version, loadMs)
  }

  /**
   * Asks the node for new keys until one of them is found in L2: milliseconds since the call; undefined: not within
   * `waitMs`. That is what using L2 comes to, whatever the library says of itself.
   */
  async untilUsed(node: FaultNode, waitMs: number): Promise<number | undefined> {
    const startedAt = nowMs()
    const round = `${PROBE}-${++this.#probes}-`
    for (let i = 0; nowMs() - startedAt < waitMs; i++) {
      await node.call([`${round}${i}`])
      if ((await this.#entries(round)).length > 0) return nowMs() - startedAt
      await pause(PROBE_EVERY_MS)
    }
    return undefined
  }

  /** Whether L2 is in use again within a bound. */
  async usedAgain(node: FaultNode, boundMs: number, waitMs: number): Promise<Finding> {
    return cameAbout('L2 used again after', await this.untilUsed(node, waitMs), boundMs, waitMs)
  }

  /** Whether L2 holds an entry of this key with this version, in whatever form the library stores it. */
  async isStored(key: string, version: string): Promise<boolean> {
    const entries = await this.#entries(key)
    return entries.some(({ text }) => text.includes(version))
  }

  /** The same within half a second: a fill may be under way that nobody waits for. */
  async becomesStored(key: string, version: string): Promise<boolean> {
    const untilMs = nowMs() + FILL_MS_MAX
    while (!(await this.isStored(key, version))) {
      if (nowMs() >= untilMs) return false
      await pause(PROBE_EVERY_MS)
    }
    return true
  }

  /** Names of the entries of this key in L2 that hold this version. */
  async namesOf(key: string, version: string): Promise<readonly string[]> {
    const entries = await this.#entries(key)
    return entries.filter(({ text }) => text.includes(version)).map(({ name }) => name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end()))
    await this.proxy.close()
    await this.server.stop()
  }

  async #open(url: string, settings: Partial<CacheSettings>): Promise<FaultNode> {
    const node = new FaultNode()
    this.#nodes.push(node)
    await node.open(this.contender.name, url, { ...DEFAULTS, ...settings })
    return node
  }

  async #ready(node: FaultNode, version: string, loadMs: number): Promise<FaultNode> {
    await node.loadFrom({ version, loadMs: 0 })
    if ((await this.untilUsed(node, FIRST_USE_MS_MAX)) === undefined) {
      throw new Error(`L2 was not in use ${FIRST_USE_MS_MAX} ms after the start`)
    }
    await node.loadFrom({ version, loadMs })
    return node
  }

  /** Strings whose name includes the key's and whose value is no lock or token: it includes a version. */
  async #entries(key: string): Promise<readonly { readonly name: string; readonly text: string }[]> {
    const names = await this.server.cli('KEYS', `*${key}*`)
    if (!Array.isArray(names)) return []
    const found = await Promise.all(
      names.map(async (name) => ({
        name: String(name),
        // A list or a set says WRONGTYPE.
        text: String(await this.server.cli('GET', String(name)).catch(() => '')),
      })),
    )
    return found.filter(({ text }) => text.includes('version'))
  }
}
