import type { Endpoint } from '@holdfast/wire'
import type { ServerFacts } from '../server-facts.ts'

/** What a node turned out to be; `why` is for the log. */
export type Verdict =
  | { readonly state: 'use' }
  /** The next node is known to be a better one: try it at once. */
  | { readonly state: 'go_on'; readonly why: string }
  /** Not this one, not now. */
  | { readonly state: 'unfit'; readonly why: string }

/**
 * Decides to which node of a deployment a connection goes: the seam where other kinds of deployment come in. It is
 * asked before each attempt, and told of each node that answered; of one that did not, the next question tells.
 */
export interface NodeChooser {
  /** The node of the next attempt. */
  next(): Endpoint
  /** Judges the node that the last `next` led to, by what it says of itself. */
  judge(facts: ServerFacts): Verdict
}
