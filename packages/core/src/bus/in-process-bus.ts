import {
  type Bus,
  type BusConnection,
  type BusEnvironment,
  type BusListener,
  CacheError,
} from '../contracts.ts'
import { showError } from '../errors.ts'

/** One subscriber. */
interface Member {
  readonly topic: string
  isConnected: boolean
  tell(what: (listener: BusListener) => void): void
}

/**
 * A bus between the caches of one process: several of one name, each with an L1 of its own (tests, workers that share a
 * thread). Make one and hand it to all of them. What is published is delivered before timers and sockets have their turn.
 */
export function inProcessBus(): Bus {
  const members = new Set<Member>()
  /** In the one order. Bounded by what is published in one turn. */
  let due: (() => void)[] = []
  const deliver = (): void => {
    const now = due
    due = []
    for (const act of now) act()
  }
  const later = (act: () => void): void => {
    if (due.push(act) === 1) queueMicrotask(deliver)
  }
  return { open: (environment, listener) => join(members, later, environment, listener) }
}

function join(
  members: Set<Member>,
  later: (act: () => void) => void,
  { topic, frameBytesMax, log }: BusEnvironment,
  listener: BusListener,
): BusConnection {
  const member: Member = {
    topic,
    isConnected: false,
    tell(what) {
      if (!members.has(member)) return
      try {
        what(listener)
      } catch (error) {
        log('warn', `bus in this process: a listener failed: ${showError(error)}`)
      }
    },
  }
  members.add(member)
  later(() => {
    member.isConnected = true
    member.tell((told) => told.connected())
  })
  return {
    // In the first line of a cache: others are not told.
    address: 'in this process alone',
    publish(frame) {
      if (!members.has(member)) {
        return Promise.reject(new CacheError('bus_unavailable', 'the bus in this process was closed'))
      }
      const copy = new Uint8Array(frame)
      later(() => {
        for (const each of members) {
          if (each.topic !== topic || !each.isConnected) continue
          each.tell((told) => (copy.length > frameBytesMax ? told.dropped() : told.received(copy)))
        }
      })
      return Promise.resolve()
    },
    async close() {
      members.delete(member)
    },
  }
}
