import { type Faults, NO_FAULTS } from './faults.ts'
import { Pace } from './pace.ts'

/** What the connections of a proxy have in common: what is wrong, and the speed of the link they share. */
export class Network {
  readonly paces: Readonly<Record<'requests' | 'replies', Pace>> = {
    requests: new Pace(),
    replies: new Pace(),
  }
  readonly random: () => number
  #faults = NO_FAULTS

  constructor(random: () => number) {
    this.random = random
  }

  get faults(): Faults {
    return this.#faults
  }

  change(faults: Faults): void {
    if (faults.bytesPerSecond !== this.#faults.bytesPerSecond) {
      this.paces.requests.restart()
      this.paces.replies.restart()
    }
    this.#faults = faults
  }
}
