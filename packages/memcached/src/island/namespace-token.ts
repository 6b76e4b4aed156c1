import type { MemcachedCommands } from '../client/memcached-client.ts'
import { type MetaCommand, md, mg } from '../client/meta-command.ts'
import type { Names } from './names.ts'
import { SEALED } from './sealed.ts'
import { foundToken, TOKEN_FLAGS } from './token-items.ts'

/**
 * Removes the namespace token, so that every entry is absent, unless it is the closing marker: that is removed by nobody.
 * One that somebody else has replaced since it was looked at is as good as removed. `behind` is sent behind it. Two trips.
 */
export async function removeNamespaceToken(
  commands: MemcachedCommands,
  names: Names,
  behind: readonly MetaCommand[],
  by: number,
): Promise<void> {
  const found = await commands.send(mg(names.namespace, TOKEN_FLAGS), { by })
  const isThere = found.cas !== undefined && foundToken(found).token !== SEALED
  const removal = isThere ? [md(names.namespace, `C${found.cas}`)] : []
  await commands.sendAll([...removal, ...behind], { by })
}
