import type { Bus, BusConnection, BusEnvironment, BusListener } from 'holdfast/contracts'

/** What a decorator changes of a bus; all else goes through. */
export interface BusDecoration {
  connection?(inner: BusConnection, environment: BusEnvironment): Partial<BusConnection>
  listener?(inner: BusListener, environment: BusEnvironment): Partial<BusListener>
}

/** Any bus with some of its operations, or what it tells its listeners, replaced. */
export function decorateBus(bus: Bus, decoration: BusDecoration): Bus {
  return {
    secret: bus.secret,
    open: (environment, listener) => {
      const told: BusListener = {
        connected: () => listener.connected(),
        lost: () => listener.lost(),
        received: (frame) => listener.received(frame),
        dropped: () => listener.dropped(),
        ...decoration.listener?.(listener, environment),
      }
      const inner = bus.open(environment, told)
      return {
        address: inner.address,
        // A spread would freeze the answer of the moment.
        get lastError() {
          return inner.lastError
        },
        publish: (frame, by) => inner.publish(frame, by),
        close: () => inner.close(),
        ...decoration.connection?.(inner, environment),
      }
    },
  }
}
