import type { Credentials } from './credentials.ts'
import type { Endpoint } from './endpoint.ts'
import { isLoopback } from './loopback.ts'

/** The way to one server. */
export interface WayToServer {
  readonly endpoint: Endpoint
  readonly credentials: Credentials | undefined
  /** The address without credentials: what logs may show. */
  readonly display: string
}

/** What the user said of a way that is plaintext, and what he can say: what a warning of it ends with. */
export interface Plaintext {
  readonly isMeant: boolean
  readonly mend: string
}

/**
 * What a user should know of the way to these servers, in one line that begins with the address of one; undefined:
 * nothing.
 */
export function transportWarning(
  ways: readonly WayToServer[],
  { isMeant, mend }: Plaintext,
): string | undefined {
  for (const { endpoint, display } of ways) {
    if (endpoint.transport === 'tls' && endpoint.tls?.rejectUnauthorized === false) {
      return `${display}: its certificate is not verified: whoever is in between reads and changes everything`
    }
  }
  if (isMeant) return undefined
  const open = ways.filter(({ endpoint }) => endpoint.transport === 'tcp' && !isLoopback(endpoint.host))
  const loudest = open.find(({ credentials }) => credentials !== undefined) ?? open[0]
  if (loudest === undefined) return undefined
  const what = loudest.credentials === undefined ? 'values travel' : 'THE PASSWORD and all values travel'
  return `${loudest.display}: ${what} unencrypted to another machine; ${mend}`
}
