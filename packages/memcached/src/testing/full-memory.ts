import type { MemcachedServer } from '@holdfast/testkit'

// From large to small, so that in the end there is no room for anything.
const SIZES = [400_000, 20_000, 2_000, 200, 1] as const
// Commands of one write.
const BATCH = 500

/**
 * Fills a server that may not evict (-M) until it refuses items of every size, and empties it of that again. It should have
 * little memory (-m 2) and few classes of items (-n 512 -f 4), each of which has a megabyte of its own.
 */
export class FullMemory {
  readonly #server: MemcachedServer
  readonly #junk: string[] = []
  #count = 0

  constructor(server: MemcachedServer) {
    this.#server = server
  }

  async set(isFull: boolean): Promise<void> {
    if (isFull) {
      for (const size of SIZES) await this.#fill(size)
    } else {
      await Promise.all(this.#junk.splice(0).map((key) => this.#server.cli(`md ${key}`)))
    }
  }

  async #fill(size: number): Promise<void> {
    const value = 'j'.repeat(size)
    for (let refused = false; !refused; ) {
      const keys = Array.from({ length: size > 10_000 ? 1 : BATCH }, () => `junk${++this.#count}`)
      const replies = await Promise.all(keys.map((key) => this.#server.cli(`ms ${key} ${size}\r\n${value}`)))
      this.#junk.push(...keys)
      refused = replies.some((reply) => reply.startsWith('SERVER_ERROR'))
    }
  }
}
