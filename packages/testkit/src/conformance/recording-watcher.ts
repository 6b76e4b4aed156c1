import type { StoreWatcher } from 'holdfast/contracts'

// More than any case provokes; a store that sends more fails the case.
const EVENTS_MAX = 10_000

/** Keeps what a store tells, in order: 'key a', 'lease a', 'tag a', 'namespace', 'everything', 'connected', 'lost'. */
export class RecordingWatcher implements StoreWatcher {
  readonly events: string[] = []
  readonly generations: number[] = []
  /** The largest moment that was verified. */
  verifiedMs: number = Number.NEGATIVE_INFINITY
  /** How often servers may have come to stand otherwise. */
  serverChanges = 0

  keyChanged(key: string): void {
    this.#record(`key ${key}`)
  }

  leaseChanged(key: string): void {
    this.#record(`lease ${key}`)
  }

  tagChanged(tag: string): void {
    this.#record(`tag ${tag}`)
  }

  namespaceChanged(): void {
    this.#record('namespace')
  }

  everythingChanged(): void {
    this.#record('everything')
  }

  connected(facts: { readonly generation: number }): void {
    this.generations.push(facts.generation)
    this.#record('connected')
  }

  lost(): void {
    this.#record('lost')
  }

  verified(sentAtMs: number): void {
    this.verifiedMs = Math.max(this.verifiedMs, sentAtMs)
  }

  serversChanged(): void {
    this.serverChanges++
  }

  has(event: string): boolean {
    return this.events.includes(event)
  }

  forget(): void {
    this.events.length = 0
  }

  #record(event: string): void {
    if (this.events.length >= EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events`)
    this.events.push(event)
  }
}
