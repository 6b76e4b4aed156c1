import { Socket } from 'node:net'
import { cutOff } from './cut-off.ts'
import { Lane } from './lane.ts'
import type { Network } from './network.ts'

/** Where a proxy leads to. */
export interface ProxyTarget {
  readonly host: string
  readonly port: number
}

/** A client's connection and the one that was opened to the server for it. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #server = new Socket({ allowHalfOpen: true })
  readonly #target: ProxyTarget
  readonly #network: Network
  readonly #requests: Lane
  readonly #replies: Lane
  #isOpened = false

  /** `ended` is called once, when nothing is left of it. */
  constructor(client: Socket, target: ProxyTarget, network: Network, ended: () => void) {
    this.#client = client.setNoDelay(true)
    this.#target = target
    this.#network = network
    const common = { network, reset: () => this.reset() }
    this.#requests = new Lane({ ...common, from: client, to: this.#server, carries: 'requests' })
    this.#replies = new Lane({ ...common, from: this.#server, to: client, carries: 'replies' })
    let openEnds = 2
    for (const socket of [client, this.#server]) {
      // The other end learns of it by the close that follows.
      socket.on('error', () => {})
      socket.once('close', () => --openEnds === 0 && ended())
    }
    this.resetAfter(network.faults.resetAfterBytes)
    this.#open()
  }

  /** Whether its client still has it open, as far as the proxy has heard. */
  get isOpen(): boolean {
    return !this.#client.destroyed && !this.#client.readableEnded
  }

  /** Whether held replies include this text. */
  holds(text: string): boolean {
    return this.#replies.holds(text)
  }

  /** It is reset once this many more bytes of replies have passed. */
  resetAfter(bytes: number): void {
    this.#replies.resetAfter(bytes)
  }

  /** Nothing passes any more, in either direction. */
  strand(): void {
    this.#requests.strand()
    this.#replies.strand()
  }

  /** The faults have changed. */
  wake(): void {
    this.#open()
    this.#requests.wake()
    this.#replies.wake()
  }

  /** RST to both ends; what was on its way is lost. */
  reset(): void {
    this.#requests.drop()
    this.#replies.drop()
    cutOff(this.#client)
    if (this.#isOpened) cutOff(this.#server)
    else this.#server.destroy()
  }

  /** Nothing reaches a server through a black hole: not even that somebody connects. */
  #open(): void {
    if (this.#isOpened || this.#network.faults.blackhole || this.#client.destroyed) return
    this.#isOpened = true
    this.#server.setNoDelay(true).connect(this.#target)
  }
}
