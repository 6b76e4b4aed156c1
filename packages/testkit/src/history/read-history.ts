import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { invalidArgument } from 'holdfast/contracts'
import type { HistoryEvent } from './history-event.ts'

type Kind = HistoryEvent['kind']

/** The fields that an event cannot do without, and those it may have. */
const KEYED = { process: 'string', startMs: 'number', endMs: 'number', key: 'string' }
const FIELDS: Readonly<Record<Kind, { readonly must: Fields; readonly may: Fields }>> = {
  read: { must: KEYED, may: { version: 'number', source: 'string', valueKey: 'string', result: 'string' } },
  load: {
    must: KEYED,
    may: { token: 'string', version: 'number', grantedMs: 'number', leasedUntilMs: 'number' },
  },
  fill: {
    must: { ...KEYED, token: 'string', version: 'number', result: 'string' },
    may: { valueKey: 'string', serverAcked: 'boolean' },
  },
  set: {
    must: { ...KEYED, version: 'number', result: 'string' },
    may: { versioned: 'boolean', serverAcked: 'boolean' },
  },
  invalidate: {
    must: { process: 'string', startMs: 'number', endMs: 'number', result: 'string' },
    may: { keys: 'strings', everything: 'boolean', soft: 'boolean', serverAcked: 'boolean' },
  },
  commit: { must: { ...KEYED, version: 'number' }, may: { result: 'string' } },
}

type Fields = Readonly<Record<string, string>>

/**
 * Reads histories that `recordHistory` wrote, one file a process. A last line that was torn off (its process was
 * killed while it wrote) is left out; any other line that is no event throws CacheError 'invalid_argument'.
 */
export async function readHistory(paths: readonly string[]): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  for (const path of paths) {
    let number = 0
    let torn: { readonly at: string; readonly line: string } | undefined
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      number++
      if (torn !== undefined) throw invalidArgument(torn.at, 'an event in JSON', torn.line)
      const at = `${path}:${number}`
      const value = parseJson(line)
      if (value === undefined) torn = { at, line }
      else events.push(toEvent(value, at))
    }
  }
  return events
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function toEvent(value: unknown, at: string): HistoryEvent {
  const field = (name: string): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  const kind = Object.keys(FIELDS).find((name) => name === field('kind'))
  const fields = Object.entries(FIELDS).find(([name]) => name === kind)?.[1]
  if (fields === undefined) throw invalidArgument(`${at} kind`, Object.keys(FIELDS).join(', '), field('kind'))
  for (const [name, type] of Object.entries({ tags: 'strings', ...fields.may, ...fields.must })) {
    const isAbsent = field(name) === undefined && !(name in fields.must)
    if (!isAbsent && !isOf(field(name), type))
      throw invalidArgument(`${at} ${name}`, `a ${type}`, field(name))
  }
  // A parser's cast: every field of this kind was looked at above. Words of `result` and `source` that no check
  // knows are as good as absent.
  return value as HistoryEvent
}

function isOf(value: unknown, type: string): boolean {
  if (type !== 'strings') return typeof value === type
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
