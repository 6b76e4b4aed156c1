import type { RedisCommands } from '../commands.ts'
import type { Names } from '../names.ts'
import type { RespArgument } from '../resp-encode.ts'
import type { Mark } from './mark.ts'

/** A namespace that is open on a store. */
export interface Place {
  readonly names: Names
  /** The mark under which this process last used it; undefined: never yet. */
  mark: Mark | undefined
}

/**
 * Rule R: what a (re)connected server must do before it is used, so that data from the past, which a restart or
 * another primary brought back, are not.
 */
export interface RestartRule {
  /** Resolves when what this server holds of these namespaces may be used. Rejects where that cannot be made sure. */
  admit(commands: RedisCommands, places: readonly Place[], server: string, by: number): Promise<void>
  /** The server has acknowledged that these keys are removed. */
  removed(names: readonly string[]): void
  /** Commands that go out with a heartbeat; the first is that of a new connection. */
  heartbeat(): readonly (readonly RespArgument[])[]
}
