import type { InvalidateEvent, SetEvent } from './history-event.ts'
import { SpanTimeline } from './span-timeline.ts'

/** What an operation on names leaves behind: nothing ('hard'), or entries that may be handed out as stale. */
type Force = 'hard' | 'soft'

/**
 * Operations that hide older values, by the names they were called with. A tag counts for every key that
 * carries it without being copied to each: a question costs O((1 + tags) log n).
 */
export class Acknowledgements {
  readonly #timelines = { hard: new Map<string, SpanTimeline>(), soft: new Map<string, SpanTimeline>() }

  /** Adds an operation; `endMs` other than its own where its end is not known. */
  add(event: InvalidateEvent | SetEvent, endMs: number = event.endMs): void {
    const force: Force = event.kind === 'invalidate' && event.soft ? 'soft' : 'hard'
    for (const name of namesOf(event)) {
      const known = this.#timelines[force].get(name)
      const timeline = known ?? new SpanTimeline()
      if (known === undefined) this.#timelines[force].set(name, timeline)
      timeline.add(event.startMs, endMs)
    }
  }

  /** The earliest end of those on `names` that started after `ms`; infinity: none. */
  firstEndAfter(names: readonly string[], ms: number, forces: readonly Force[] = ['hard', 'soft']): number {
    return Math.min(...this.#of(names, forces).map((timeline) => timeline.firstEndAfter(ms)))
  }

  /** The latest end of those on `names` that started at or before `ms`; minus infinity: none. */
  lastEndUpTo(names: readonly string[], ms: number): number {
    return Math.max(...this.#of(names, ['hard', 'soft']).map((timeline) => timeline.lastEndUpTo(ms)))
  }

  #of(names: readonly string[], forces: readonly Force[]): SpanTimeline[] {
    const found: SpanTimeline[] = []
    for (const force of forces) {
      for (const name of names) {
        const timeline = this.#timelines[force].get(name)
        if (timeline !== undefined) found.push(timeline)
      }
    }
    return found
  }
}

/** The names under which an operation counts for a key that carries these tags. */
export function namesOfKey(key: string, tags: Iterable<string>): readonly string[] {
  return [keyName(key), ...Array.from(tags, tagName), EVERYTHING]
}

/** The name of the key itself, without its tags. */
export function keyName(key: string): string {
  return `key ${key}`
}

const EVERYTHING = 'everything'

function tagName(tag: string): string {
  return `tag ${tag}`
}

function namesOf(event: InvalidateEvent | SetEvent): readonly string[] {
  if (event.kind === 'set') return [keyName(event.key)]
  const everything = event.everything ? [EVERYTHING] : []
  return [...(event.keys ?? []).map(keyName), ...(event.tags ?? []).map(tagName), ...everything]
}
