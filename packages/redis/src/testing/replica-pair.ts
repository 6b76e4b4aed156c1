import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'

// Without the wait for more replicas, a first synchronisation takes milliseconds.
const ARGS = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']

/** A primary and its replica, in step with each other. */
export class ReplicaPair implements AsyncDisposable {
  readonly first: RedisServer
  readonly second: RedisServer

  private constructor(first: RedisServer, second: RedisServer) {
    this.first = first
    this.second = second
  }

  static async start(password?: string): Promise<ReplicaPair> {
    const secret = password === undefined ? {} : { password, args: [...ARGS, '--masterauth', password] }
    const start = () => startRedis({ args: ARGS, ...secret })
    const [first, second] = await Promise.all([start(), start()])
    await follow(second, first)
    return new ReplicaPair(first, second)
  }

  /** Hands over from one to the other, whose replica it becomes; answers when the other one was primary. */
  async failover(from: RedisServer, to: RedisServer): Promise<number> {
    await from.cli('FAILOVER', 'TO', '127.0.0.1', to.port)
    await until('the other one is primary', async () => (await to.info('replication')).role === 'master')
    const promotedMs = systemClock.now()
    await inStep(from, to)
    return promotedMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.first.stop(), this.second.stop()])
  }
}

/** Makes a server the replica of another one, and waits until it has its data. */
export async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  await replica.cli('REPLICAOF', '127.0.0.1', primary.port)
  await inStep(replica, primary)
}

/** Resolves once a replica has everything that its primary had before the call. */
export async function inStep(replica: RedisServer, primary: RedisServer): Promise<void> {
  const offset = Number((await primary.info('replication')).master_repl_offset)
  await until('the replica is in step', async () => {
    const [own, theirs] = [await replica.info('replication'), await primary.info('replication')]
    // The primary calls it online only once it has heard from it behind the first synchronisation.
    return Number(own.slave_repl_offset) >= offset && theirs.slave0?.includes('state=online') === true
  })
}
