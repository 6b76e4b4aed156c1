import type { Clock } from 'holdfast/contracts'
import type { RedisCommands } from '../commands.ts'
import { RedisReplyError } from '../reply-error.ts'
import type { RespArgument } from '../resp-encode.ts'
import { FENCE_RESTART } from '../scripts.ts'
import { demandedOf, newMark, parseMark } from './mark.ts'
import type { Place, RestartRule } from './restart-rule.ts'

/**
 * failover 'fence': the namespace token of a server that came back, or is another one, is removed. Nothing that it
 * brought along matches any more. One read where nothing happened, which a server answers that takes no writes; else
 * one script more.
 */
export class RestartFence implements RestartRule {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async admit(commands: RedisCommands, places: readonly Place[], server: string, by: number): Promise<void> {
    await Promise.all(places.map((place) => this.#admit(commands, place, server, by)))
  }

  removed(): void {}

  heartbeat(): readonly (readonly RespArgument[])[] {
    return []
  }

  async #admit(commands: RedisCommands, place: Place, server: string, by: number): Promise<void> {
    const { names } = place
    const { start, end } = demandedOf(server, place.mark)
    const held = await readText(commands, names.own('i'), by)
    if (held.startsWith(start) && held.endsWith(end)) {
      place.mark = parseMark(server, held)
      return
    }
    const fresh = newMark(server, hexOf(this.#clock.token()), end === '' ? undefined : place.mark)
    const keys = [names.own('i'), names.own('n')]
    const written = await commands.script(FENCE_RESTART, keys, [start, end, fresh.text], { by })
    place.mark = parseMark(server, String(written))
  }
}

/** The text of a key; '' where there is none, or something else. */
export async function readText(commands: RedisCommands, name: string, by: number): Promise<string> {
  try {
    const held = await commands.command(['GET', name], { by })
    return Buffer.isBuffer(held) ? held.toString('latin1') : ''
  } catch (error) {
    if (error instanceof RedisReplyError && error.prefix === 'WRONGTYPE') return ''
    throw error
  }
}

/** A token without spaces. */
export function hexOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('hex')
}
