import type { Doubt } from '../stats.ts'

/** When this process's clocks showed what: the monotonic one, and wall time, which goes on while the machine is suspended. */
export interface Moment {
  readonly at: number
  readonly wall: number
}

/** The rules of docs/wire/bus.md by their letters, each one predicate, so that a check can switch one off. */
export interface BusRules {
  /** A: an invalidation is 'applied' only where the bus has accepted word of it. */
  isTold(accepted: boolean): boolean
  /** B: word goes out behind L2's acknowledgement, so that whoever asks L2 because of it finds what it is about. */
  tellsBehindL2(): boolean
  /** D: everything in L1 is in doubt, until it was read from L2 again. */
  doubts(why: Doubt): boolean
  /** E: an own beat that comes back proves what was accepted before it was sent, and nothing later. */
  provenBy(sent: Moment, cameBack: Moment): Moment
  /** H: nothing is proven beyond what each publisher was heard since. */
  upTo(own: Moment, publishers: Iterable<Moment>): Moment
  /** N: the number of a message that the bus did not accept stays used. */
  keepsNumber(): boolean
}

export const busRules: BusRules = {
  isTold: (accepted) => accepted,
  tellsBehindL2: () => true,
  doubts: () => true,
  provenBy: (sent) => sent,
  upTo(own, publishers) {
    let earliest = own
    for (const heard of publishers) if (heard.at < earliest.at) earliest = heard
    return earliest
  },
  keepsNumber: () => true,
}
