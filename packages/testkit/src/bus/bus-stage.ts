import { deepEqual, fail } from 'node:assert/strict'
import {
  type BusConnection,
  type BusListener,
  type Clock,
  FRAME_BYTES_MAX,
  systemClock,
} from 'holdfast/contracts'
import type { BusHarness } from './bus-harness.ts'

const PATIENCE_MS = 1000
const HEARTBEAT_MS = 20
// More than any case publishes; a bus that tells more fails the case.
const EVENTS_MAX = 20_000

/** One simulated process, and what it was told: 'connected', 'lost', 'dropped', and the frames as text. */
export class BusClient implements BusListener {
  readonly events: string[] = []
  /** What a listener does beside listening; may throw. */
  onReceived: () => void = () => undefined
  /** True while the client itself is in a call of the bus. */
  isCalling = false
  reentered = false

  connected(): void {
    this.#record('connected')
  }

  lost(): void {
    this.#record('lost')
  }

  received(frame: Uint8Array): void {
    this.#record(Buffer.from(frame).toString('latin1'))
    this.onReceived()
  }

  dropped(): void {
    this.#record('dropped')
  }

  get frames(): readonly string[] {
    return this.events.filter((event) => !['connected', 'lost', 'dropped'].includes(event))
  }

  #record(event: string): void {
    if (this.isCalling) this.reentered = true
    if (this.events.length < EVENTS_MAX) this.events.push(event)
  }
}

/** A client with its connection. */
export interface BusNode extends BusClient {
  readonly connection: BusConnection
  /** Publishes text of latin1 characters, or bytes. */
  say(frame: string | Uint8Array, givenMs?: number): Promise<void>
}

/** What one case works with: clients on one bus, closed when the case is over. */
export class BusStage {
  readonly topic: string
  readonly clock: Clock
  readonly #harness: BusHarness
  readonly #connections: BusConnection[] = []

  constructor(harness: BusHarness) {
    this.#harness = harness
    this.clock = harness.clock ?? systemClock
    this.topic = `conformance-${Buffer.from(this.clock.token(), 'latin1').toString('hex')}`
  }

  /** One more process, connected. */
  async open(topic: string = this.topic): Promise<BusNode> {
    const client = this.openAnyway(topic)
    await this.told(client, 'connected')
    return client
  }

  /** One more process, whatever the bus is like. */
  openAnyway(topic: string = this.topic): BusNode {
    const { clock } = this
    const client = new BusClient()
    const environment = {
      clock,
      topic,
      heartbeatMs: HEARTBEAT_MS,
      frameBytesMax: FRAME_BYTES_MAX,
      log: () => undefined,
    }
    const calling = <T>(call: () => T): T => {
      client.isCalling = true
      try {
        return call()
      } finally {
        client.isCalling = false
      }
    }
    const connection = calling(() => this.#harness.bus.open(environment, client))
    this.#connections.push(connection)
    const say = (frame: string | Uint8Array, givenMs: number = this.#patienceMs): Promise<void> => {
      const bytes = typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame
      return calling(() => connection.publish(bytes, clock.now() + givenMs))
    }
    return Object.assign(client, { connection, say })
  }

  async told(client: BusClient, event: string): Promise<void> {
    await this.until(() => client.events.includes(event), `to be told '${event.slice(0, 60)}'`)
  }

  /** Everything that was published so far has come to these clients, if it comes at all. */
  async settled(...clients: readonly BusNode[]): Promise<void> {
    for (const client of clients) {
      const mark = `mark ${Buffer.from(this.clock.token(), 'latin1').toString('hex')}`
      await client.say(mark)
      await this.told(client, mark)
    }
  }

  /** The frames that came to a client, in order, are these. */
  expectFrames(client: BusClient, frames: readonly string[]): void {
    deepEqual(
      client.frames.filter((frame) => !frame.startsWith('mark ')),
      frames,
    )
  }

  /** Waits for a condition; fails by name when it does not come. */
  async until(isSo: () => boolean, expected: string): Promise<void> {
    const endMs = this.clock.now() + this.#patienceMs
    while (!isSo()) {
      if (this.clock.now() >= endMs) fail(`expected ${expected}`)
      await this.pass(1)
    }
  }

  async pass(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void this.clock.after(ms, resolve, 'caller'))
  }

  cut(): Promise<void> {
    return required(this.#harness.cut?.())
  }

  plant(frame: Uint8Array): Promise<void> {
    return required(this.#harness.plant?.(this.topic, frame))
  }

  /** Runs `during` while the bus is away, and brings it back whatever happens. */
  async whileAway(during: () => Promise<void>): Promise<void> {
    await required(this.#harness.stop?.())
    try {
      await during()
    } finally {
      await required(this.#harness.start?.())
    }
  }

  async whileStalled(during: () => Promise<void>): Promise<void> {
    await required(this.#harness.stall?.())
    try {
      await during()
    } finally {
      await required(this.#harness.resume?.())
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close()
  }

  get #patienceMs(): number {
    return this.#harness.patienceMs ?? PATIENCE_MS
  }
}

function required(step: Promise<void> | undefined): Promise<void> {
  return step ?? fail('the case uses a means that it did not name in its needs')
}
