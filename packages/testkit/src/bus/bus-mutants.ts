import type { Bus, BusEnvironment } from 'holdfast/contracts'
import { decorateBus } from './decorate-bus.ts'

/** Wraps any bus into one that breaks its contract in one way. */
export type BusMutant = (bus: Bus) => Bus

const EVERY = 7
// Longer than a frame takes in one process.
const LATE_MS = 5
const BEAT_BYTES_MAX = 32

/**
 * Buses as they should not be. The conformance suite must fail each of them; what a cache makes of them is another
 * question (most of them cost it hits, none of them truth).
 */
export const busMutants: Readonly<Record<string, BusMutant>> = {
  'drops every seventh frame': (bus) =>
    received(bus, (each) => (n, frame) => {
      if (n % EVERY !== 0) each(frame)
    }),
  'delivers every seventh frame twice': (bus) =>
    received(bus, (each) => (n, frame) => {
      each(frame)
      if (n % EVERY === 0) each(frame)
    }),
  'swaps every seventh frame with the next': (bus) => {
    return received(bus, (each) => {
      let held: Uint8Array | undefined
      return (n, frame) => {
        if (held === undefined && n % EVERY === 0) {
          held = frame
          return
        }
        each(frame)
        if (held !== undefined) each(held)
        held = undefined
      }
    })
  },
  'delays every seventh frame': (bus) =>
    decorateBus(bus, {
      listener: (inner, { clock }) => {
        const count = counter()
        return {
          received: (frame) => {
            const copy = Uint8Array.from(frame)
            if (count() % EVERY === 0) clock.after(LATE_MS, () => inner.received(copy))
            else inner.received(copy)
          },
        }
      },
    }),
  'swallows every third small frame': (bus) =>
    received(bus, (each) => {
      const small = counter()
      return (_, frame) => {
        if (frame.length > BEAT_BYTES_MAX || small() % 3 !== 0) each(frame)
      }
    }),
  'answers before it has accepted': (bus) =>
    decorateBus(bus, {
      connection: (inner, { clock }) => {
        const count = counter()
        return {
          publish: async (frame, by) => {
            const copy = Uint8Array.from(frame)
            const late = count() % EVERY === 0 ? LATE_MS : 0
            if (late === 0) return await inner.publish(copy, by)
            clock.after(late, () => inner.publish(copy, by).catch(ignore))
          },
        }
      },
    }),
  'keeps its own frames from their publisher': (bus) => {
    const own = new WeakMap<BusEnvironment, Set<string>>()
    const ownOf = (environment: BusEnvironment): Set<string> => {
      const known = own.get(environment) ?? new Set()
      own.set(environment, known)
      return known
    }
    return decorateBus(bus, {
      connection: (inner, environment) => ({
        publish: (frame, by) => {
          ownOf(environment).add(textOf(frame))
          return inner.publish(frame, by)
        },
      }),
      listener: (inner, environment) => ({
        received: (frame) => {
          if (!ownOf(environment).delete(textOf(frame))) inner.received(frame)
        },
      }),
    })
  },
  'has an order for each subscriber': (bus) => {
    const count = counter()
    return decorateBus(bus, {
      listener: (inner, { clock }) => {
        const place = count()
        return {
          received: (frame) => {
            const copy = Uint8Array.from(frame)
            // Frames of one publisher stay in order: those of the suite begin with his number.
            const lateMs = LATE_MS * ((place + textOf(copy).charCodeAt(0)) % 3)
            clock.after(lateMs, () => inner.received(copy))
          },
        }
      },
    })
  },
  'has one topic': (bus) => ({
    open: (environment, listener) => bus.open({ ...environment, topic: 'everybody' }, listener),
  }),
  'cuts frames at the first NUL': (bus) =>
    received(bus, (each) => (_, frame) => {
      const end = frame.indexOf(0)
      each(end < 0 ? frame : frame.subarray(0, end))
    }),
  'keeps the bytes that it was given': (bus) =>
    decorateBus(bus, {
      connection: (inner, { clock }) => ({
        publish: async (frame, by) => {
          let sending: Promise<void> | undefined
          clock.after(1, () => {
            sending = inner.publish(frame, by)
            sending.catch(ignore)
          })
          await sending
        },
      }),
    }),
  'delivers inside of the call': (bus) => {
    const inside = new Set<(frame: Uint8Array) => void>()
    return decorateBus(bus, {
      listener: (inner) => {
        inside.add((frame) => inner.received(frame))
        return { received: ignore }
      },
      connection: () => ({
        publish: async (frame) => {
          for (const receive of inside) receive(frame)
        },
      }),
    })
  },
  'ends with a listener that throws': (bus) =>
    decorateBus(bus, {
      listener: (inner) => {
        let isBroken = false
        return {
          received: (frame) => {
            if (isBroken) return
            isBroken = true
            inner.received(frame)
            isBroken = false
          },
        }
      },
    }),
  'never tells of a loss': (bus) => decorateBus(bus, { listener: () => ({ lost: ignore }) }),
  'tells of no connection but the first': (bus) =>
    decorateBus(bus, {
      listener: (inner) => {
        let isTold = false
        return {
          connected: () => {
            if (!isTold) inner.connected()
            isTold = true
          },
        }
      },
    }),
  'keeps what it cannot send for later': (bus) => {
    const kept: (() => void)[] = []
    return decorateBus(bus, {
      connection: (inner) => ({
        publish: (frame, by) => {
          const copy = Uint8Array.from(frame)
          return inner.publish(copy, by).catch(() => {
            kept.push(() => void inner.publish(copy, Number.MAX_SAFE_INTEGER).catch(ignore))
          })
        },
      }),
      listener: (inner) => ({
        connected: () => {
          for (const send of kept.splice(0)) send()
          inner.connected()
        },
      }),
    })
  },
  'fails where it is away when it is opened': (bus) =>
    decorateBus(bus, {
      listener: (inner) => {
        let isLate = false
        setImmediate(() => {
          isLate = true
        })
        let isUp = false
        return {
          connected: () => {
            isUp ||= !isLate
            if (isUp) inner.connected()
          },
        }
      },
    }),
  'waits for as long as it takes': (bus) =>
    decorateBus(bus, {
      connection: (inner) => ({ publish: (frame) => inner.publish(frame, Number.MAX_SAFE_INTEGER) }),
    }),
  'hands out frames of any length': (bus) => ({
    open: (environment, listener) =>
      bus.open({ ...environment, frameBytesMax: Number.MAX_SAFE_INTEGER }, listener),
  }),
  'says nothing of frames that are too long': (bus) =>
    decorateBus(bus, { listener: () => ({ dropped: ignore }) }),
  'goes on after it was closed': (bus) =>
    decorateBus(bus, { connection: () => ({ close: async () => undefined }) }),
}

/** A bus whose deliveries to each listener go through `make`, which is told the number of each. */
function received(
  bus: Bus,
  make: (each: (frame: Uint8Array) => void) => (n: number, frame: Uint8Array) => void,
): Bus {
  return decorateBus(bus, {
    listener: (inner) => {
      const count = counter()
      const take = make((frame) => inner.received(frame))
      return { received: (frame) => take(count(), Uint8Array.from(frame)) }
    },
  })
}

function textOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString('latin1')
}

function counter(): () => number {
  let n = 0
  return () => ++n
}

function ignore(): void {}
