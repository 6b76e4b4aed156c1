import type { Clock } from 'holdfast/contracts'
import type { RedisCommands } from '../commands.ts'
import { Names } from '../names.ts'
import type { RespArgument } from '../resp-encode.ts'
import { FENCE_RESTART } from '../scripts.ts'
import { newMark, parseMark } from './mark.ts'
import { RemovalLog } from './removal-log.ts'
import { hexOf, RestartFence, readText } from './restart-fence.ts'
import type { Place, RestartRule } from './restart-rule.ts'

// How much older than the last acknowledgement the data of another server may look without need.
const BEACON_EVERY_MS = 5_000
// A beacon of a process that is gone costs a hundred bytes this long.
const BEACON_LIFE_MS = 3_600_000
// Names of one command: served in well under a millisecond.
const BATCH_NAMES_MAX = 500

/**
 * failover 'replay': the data of another server stay in use, after this process has removed there once more what it had
 * removed on the one before. How far back that must go is told by a beacon, a key of this process that holds the moment
 * at which it was written: a server's data are always the work of all commands up to some moment, so removals that were
 * acknowledged before the beacon was sent are in whatever data hold the beacon. Where the log does not reach back to it,
 * where there is none, and for a process that has not used the server before: 'fence'.
 */
export class Replay implements RestartRule {
  readonly #clock: Clock
  readonly #fence: RestartFence
  readonly #log = new RemovalLog()
  readonly #beacon: string
  #beaconDue = -Infinity
  /** The server of the last connection that was admitted. */
  #server: string | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#fence = new RestartFence(clock)
    this.#beacon = new Names('').of('i', hexOf(clock.token()))
  }

  async admit(commands: RedisCommands, places: readonly Place[], server: string, by: number): Promise<void> {
    const isElsewhere = this.#server !== undefined && this.#server !== server
    const lost = isElsewhere ? await this.#lostOn(commands, by) : undefined
    if (lost === undefined) {
      await this.#fence.admit(commands, places, server, by)
    } else {
      const known = places.filter((place) => place.mark !== undefined)
      const unknown = places.filter((place) => place.mark === undefined)
      await removeAll(commands, lost, by)
      await Promise.all(known.map((place) => this.#mark(commands, place, server, by)))
      await this.#fence.admit(commands, unknown, server, by)
    }
    this.#server = server
    this.#beaconDue = -Infinity
  }

  removed(names: readonly string[]): void {
    this.#log.add(names, this.#clock.now())
  }

  heartbeat(): readonly (readonly RespArgument[])[] {
    const now = this.#clock.now()
    if (now < this.#beaconDue) return []
    this.#beaconDue = now + BEACON_EVERY_MS
    return [['SET', this.#beacon, String(now), 'PX', BEACON_LIFE_MS]]
  }

  /** The removals that the data of this server may lack; undefined: that cannot be told. */
  async #lostOn(commands: RedisCommands, by: number): Promise<readonly string[] | undefined> {
    const text = await readText(commands, this.#beacon, by)
    return text === '' ? undefined : this.#log.since(Number(text))
  }

  /** Notes the server, and leaves the namespace token alone. Whoever comes by rule 'fence' fences all the same. */
  async #mark(commands: RedisCommands, place: Place, server: string, by: number): Promise<void> {
    const { text } = newMark(server, hexOf(this.#clock.token()), undefined)
    const written = await commands.script(FENCE_RESTART, [place.names.own('i')], [`${server} `, '', text], {
      by,
    })
    place.mark = parseMark(server, String(written))
  }
}

async function removeAll(commands: RedisCommands, names: readonly string[], by: number): Promise<void> {
  const sent: Promise<unknown>[] = []
  for (let i = 0; i < names.length; i += BATCH_NAMES_MAX) {
    sent.push(commands.command(['UNLINK', ...names.slice(i, i + BATCH_NAMES_MAX)], { by }))
  }
  await Promise.all(sent)
}
