import type { MemcachedCommands } from '../client/memcached-client.ts'
import { mg, ms } from '../client/meta-command.ts'
import { MemcachedReplyError } from '../client/reply-error.ts'
import type { MemcachedFacts } from '../client/server-facts.ts'
import type { Names } from './names.ts'
import { removeNamespaceToken } from './namespace-token.ts'

/** What tells one run of a server from another. */
export type ServerRun = Pick<MemcachedFacts, 'pid' | 'startedAtMs'>

// The server counts whole seconds, and looks at its clock once in one.
const STARTED_MS_APART = 2000

/**
 * Rule R: a server that was restarted with its data, or another one behind the address, may hold what was invalidated while
 * it was away. The mark (i) says on which server the namespace was last used: where it says another one the namespace token
 * is removed, before anything is read. One trip, and three where it does. `isTrusted` false: whatever the mark says.
 * A mark knows nothing of what was invalidated elsewhere since: on a server that the address has left and come back to, it
 * still names that server. Whoever was away with the address knows, and does not trust it.
 */
export async function admit(
  commands: MemcachedCommands,
  opened: readonly Names[],
  run: ServerRun,
  isTrusted: boolean,
  by: number,
): Promise<void> {
  const marks = await commands.sendAll(
    opened.map((names) => mg(names.own('i'), 'v')),
    { by },
  )
  const strange = opened.filter((_, i) => !isTrusted || !isMarkOf(marks[i]?.value?.toString('latin1'), run))
  // The mark behind the removal: whoever dies in between leaves the old one.
  const mark = `${run.pid} ${run.startedAtMs}`
  await Promise.all(
    strange.map((names) =>
      removeNamespaceToken(commands, names, [ms(names.own('i'), mark, 'T0')], by).catch(unlessFull),
    ),
  )
}

/**
 * A server that is full and may not evict has removed the token all the same, and has no room for the mark: until it has,
 * each connection begins anew. Whatever else is wrong keeps the server from use.
 */
function unlessFull(error: unknown): void {
  if (!(error instanceof MemcachedReplyError && error.refusesWrites)) throw error
}

/** Whether these are one run of one server. */
export function isSameRun(one: ServerRun, other: ServerRun): boolean {
  return one.pid === other.pid && Math.abs(one.startedAtMs - other.startedAtMs) <= STARTED_MS_APART
}

function isMarkOf(mark: string | undefined, run: ServerRun): boolean {
  const [pid = Number.NaN, startedAtMs = Number.NaN] = (mark ?? '').split(' ').map(Number)
  return isSameRun({ pid, startedAtMs }, run)
}
