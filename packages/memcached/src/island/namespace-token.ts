import { CacheError } from 'holdfast/contracts'
import type { MemcachedCommands } from '../client/memcached-client.ts'
import { type MetaCommand, md, mg } from '../client/meta-command.ts'
import type { Names } from './names.ts'
import { SEALED } from './sealed.ts'
import { foundToken, TOKEN_FLAGS } from './token-items.ts'

// Others may clear the namespace, and mint a token for it, each time that this process has looked at it.
const ATTEMPTS_MAX = 8

/**
 * Removes the namespace token, so that every entry is absent, unless it is the closing marker: that is removed by nobody.
 * `behind` is sent behind it. Two trips, and two for each time that somebody else comes first.
 */
export async function removeNamespaceToken(
  commands: MemcachedCommands,
  names: Names,
  behind: readonly MetaCommand[],
  by: number,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const found = await commands.send(mg(names.namespace, TOKEN_FLAGS), { by })
    const isSealed = foundToken(found).token === SEALED
    const removal = found.cas === undefined || isSealed ? [] : [md(names.namespace, `C${found.cas}`)]
    const [removed] = await commands.sendAll([...removal, ...behind], { by })
    if (removal.length === 0 || removed?.code !== 'EX') return
  }
  throw new CacheError('l2_error', 'others clear this namespace all the time', {
    tier: 'l2',
    retryable: true,
  })
}
