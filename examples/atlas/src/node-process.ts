/**
 * A node of the fleet in a process of its own, started by fleet.ts. Reads the settings of its environment; tells
 * its parent where it listens, what it did in each second and its log, and ends with it.
 */
import { endWithParent } from './end-with-parent.ts'
import type { NodeMessage } from './fleet.ts'
import { Lifetime } from './lifetime.ts'
import { openNode } from './node.ts'
import { readSettings } from './settings.ts'

const { port, databaseUrl, redisUrl, memcachedUrl } = readSettings([], process.env)
if (databaseUrl === undefined) throw new Error('node-process.ts: expected DATABASE_URL')
const lifetime = new Lifetime()
const log = (line: string): void => tell({ told: { kind: 'log', line } })
const { server, meter } = await openNode(
  { port, databaseUrl, redisUrl, memcachedUrl, logger: { info: log, warn: log } },
  lifetime,
)
endWithParent(() => lifetime.end(log))
tell({ ready: server.url })
setInterval(() => tell({ told: { kind: 'second', second: meter.takeSecond() } }), 1_000)

function tell(message: NodeMessage): void {
  if (process.connected) process.send?.(message)
}
