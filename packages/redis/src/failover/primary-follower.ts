import { isIP } from 'node:net'
import { describeEndpoint, type Endpoint, isLoopback } from '@holdfast/wire'
import type { NamedPrimary, ServerFacts } from '../server-facts.ts'
import type { NodeChooser, Verdict } from './node-chooser.ts'

/** The primary that a replica named, as it is reached from here. */
interface Followed {
  readonly endpoint: Endpoint
  /** The data that it must have, where the replica knew: names are not unique, and a stranger may listen there. */
  readonly history: string | undefined
}

/**
 * Leads to the primary of one Redis with replicas. It begins at the configured address; a replica is left for the
 * primary it names, and where that cannot be reached the two addresses are tried in turn, since either may be the one
 * that is mended: the primary promoted, or the address pointed anew.
 */
export class PrimaryFollower implements NodeChooser {
  readonly #configured: Endpoint
  #followed: Followed | undefined
  /** Where the last attempt went, and what became of it. */
  #asked: Endpoint
  #ended: 'answered' | 'silent' = 'answered'

  constructor(configured: Endpoint) {
    this.#configured = configured
    this.#asked = configured
  }

  next(): Endpoint {
    if (this.#ended === 'silent') this.#asked = this.#other()
    this.#ended = 'silent'
    return this.#asked
  }

  judge(facts: ServerFacts): Verdict {
    const where = describeEndpoint(this.#asked)
    if (facts.role === 'replica') return this.#leave(where, facts.primary)
    const expected = this.#asked === this.#followed?.endpoint ? this.#followed.history : undefined
    if (expected !== undefined && !facts.histories.includes(expected)) {
      return { state: 'unfit', why: `${where} does not have the data of the primary that was named` }
    }
    // Where it leads is of no use any more, or is no stranger: a later restart of it may have other data.
    if (this.#asked === this.#configured) this.#followed = undefined
    else this.#followed = { endpoint: this.#asked, history: undefined }
    this.#ended = 'answered'
    return { state: 'use' }
  }

  #leave(where: string, primary: NamedPrimary | undefined): Verdict {
    if (primary === undefined) return { state: 'unfit', why: `${where} is a replica, and names no primary` }
    const endpoint = this.#reach(primary)
    if (endpoint === undefined) {
      return { state: 'unfit', why: `${where} is a replica, and a unix socket is not left for a network` }
    }
    const isConfigured = describeEndpoint(endpoint) === describeEndpoint(this.#configured)
    this.#followed = isConfigured ? undefined : { endpoint, history: primary.history }
    this.#asked = isConfigured ? this.#configured : endpoint
    this.#ended = 'answered'
    return {
      state: 'go_on',
      why: `${where} is a replica; going on with its primary ${describeEndpoint(endpoint)}`,
    }
  }

  #other(): Endpoint {
    const followed = this.#followed?.endpoint
    return followed === undefined || this.#asked === followed ? this.#configured : followed
  }

  /** The same transport and settings as for the configured address. */
  #reach({ host, port }: NamedPrimary): Endpoint | undefined {
    if (this.#configured.transport === 'unix' || this.#asked.transport === 'unix') return undefined
    // On the replica's machine, which is not this one.
    const seen = isLoopback(host) ? this.#asked.host : host
    const there = { ...this.#configured, host: seen, port }
    // Replicas name their primary by its address, and certificates are made out to names: the configured one then.
    const isUnnamed = there.transport === 'tls' && isIP(seen) !== 0 && isIP(this.#configured.host) === 0
    return isUnnamed ? { ...there, tls: { servername: this.#configured.host, ...there.tls } } : there
  }
}
