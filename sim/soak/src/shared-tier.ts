import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type FaultProxy, hostNow, type RedisServer, startFaultProxy, startRedis } from '@holdfast/testkit'
import { pause } from './clock.ts'

// A replica gets its copy at once, not after the 5 s for which a primary waits for more of them.
const ARGS = ['--repl-diskless-sync-delay', '0', '--dbfilename', 'dump.rdb']
const WAIT_MS_MAX = 15_000
const POLL_MS = 10

/** The Redis that the processes share, behind the proxy that is their only way to it. */
export class SharedTier implements AsyncDisposable {
  readonly proxy: FaultProxy
  #server: RedisServer

  private constructor(server: RedisServer, proxy: FaultProxy) {
    this.#server = server
    this.proxy = proxy
  }

  /** `random` draws the jitter. */
  static async open(random: () => number): Promise<SharedTier> {
    const server = await startRedis({ args: ARGS })
    try {
      return new SharedTier(server, await startFaultProxy({ port: server.port }, { random }))
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  /** What the processes are told. */
  get url(): string {
    return `redis://127.0.0.1:${this.proxy.port}`
  }

  /** The server that is primary now; another one after a failover. */
  get server(): RedisServer {
    return this.#server
  }

  /** A snapshot in the server's folder: what `restart` finds. */
  async save(): Promise<void> {
    await this.#server.cli('BGSAVE')
    await this.#until(
      this.#server,
      'persistence',
      ({ rdb_bgsave_in_progress }) => rdb_bgsave_in_progress === '0',
    )
  }

  /** `kill -9`, and no snapshot left: it would come back empty. */
  async killEmpty(): Promise<void> {
    await this.#server.kill()
    rmSync(join(this.#server.dir, 'dump.rdb'), { force: true })
  }

  /** A second server gets a copy of all that the first one holds, and all that happens to it from now on. */
  async addReplica(): Promise<RedisServer> {
    const replica = await startRedis({ args: ARGS })
    // Not on its command line: it will be restarted as what it is then, a primary.
    await replica.cli('REPLICAOF', '127.0.0.1', this.#server.port)
    await this.#until(replica, 'replication', ({ master_link_status }) => master_link_status === 'up')
    return replica
  }

  /** The replica is the primary from now on, for everyone. */
  async promote(replica: RedisServer): Promise<void> {
    const old = this.#server
    await replica.cli('REPLICAOF', 'NO', 'ONE')
    this.#server = replica
    this.proxy.retarget(replica.port)
    await old.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close()
    await this.#server.stop()
  }

  async #until(
    server: RedisServer,
    section: string,
    holds: (info: Readonly<Record<string, string>>) => boolean,
  ): Promise<void> {
    const giveUpMs = hostNow() + WAIT_MS_MAX
    while (!holds(await server.info(section))) {
      if (hostNow() > giveUpMs) throw new Error(`INFO ${section} did not change within ${WAIT_MS_MAX} ms`)
      await pause(POLL_MS)
    }
  }
}
