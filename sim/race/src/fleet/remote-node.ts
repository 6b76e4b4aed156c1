import { NodeProcess } from './node-process.ts'
import type { Outside } from './outside.ts'
import type { Race, RaceNode, RaceNodeOptions, Seen } from './race-node.ts'

/** A node of a race in a process of its own. */
export class RemoteNode implements RaceNode {
  readonly #process: NodeProcess

  constructor(kind: 'holdfast' | 'naive', options: RaceNodeOptions, outside: Outside) {
    this.#process = new NodeProcess(kind, options, outside)
  }

  prepare(race: Race): Promise<void> {
    return this.#process.call('prepare', race)
  }

  seed(race: Race): Promise<void> {
    return this.#process.call('seed', race)
  }

  begin(race: Race): Promise<void> {
    return this.#process.call('begin', race)
  }

  finish(race: Race): Promise<Seen> {
    return this.#process.call('finish', race)
  }

  change(race: Race): Promise<void> {
    return this.#process.call('change', race)
  }

  read(race: Race): Promise<Seen> {
    return this.#process.call('read', race)
  }

  peek(race: Race): Promise<Seen> {
    return this.#process.call('peek', race)
  }

  barrier(): Promise<void> {
    return this.#process.call('barrier')
  }

  close(): Promise<void> {
    return this.#process.kill()
  }
}
