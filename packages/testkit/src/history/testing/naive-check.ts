import type { Anomaly } from '../anomaly.ts'
import type {
  FillEvent,
  HistoryEvent,
  InvalidateEvent,
  LoadEvent,
  ReadEvent,
  SetEvent,
} from '../history-event.ts'

type Ack = InvalidateEvent | SetEvent

interface Bounds {
  readonly deltaMs?: number
  readonly staleAllowedMs?: number
}

/**
 * The rules A1 to A9 as plain sentences over all pairs of events, in O(n³): what the tests hold the fast checker
 * to. Every read is also taken as one of the final sweep. A line per violation: anomaly, staleness, event.
 */
export function naiveCheck(events: readonly HistoryEvent[], bounds: Bounds): string[] {
  const lines: string[] = []
  const add = (anomaly: Anomaly, event: HistoryEvent, staleMs = 0): void =>
    void lines.push(`${anomaly} ${staleMs} ${JSON.stringify(event)}`)
  for (const event of events) {
    if (event.kind === 'read') {
      for (const [anomaly, staleMs] of staleness(events, event, bounds)) add(anomaly, event, staleMs)
      if (isNonMonotonic(events, event)) add('A3', event)
    }
    if (isResurrected(events, event)) add('A9', event)
    if (event.kind === 'fill' && isAfterVoid(events, event)) add('A7', event)
  }
  for (const fill of secondFills(events)) add('A5', fill)
  for (const load of rivals(events)) add('A6', load)
  for (const [event] of strangers(events)) add('A10', event)
  return lines
}

function staleness(events: readonly HistoryEvent[], read: ReadEvent, bounds: Bounds): [Anomaly, number][] {
  const behindMs = staleMs(events, read, (ack) => ack.result === 'applied' || ack.result === 'stored')
  const ownMs = staleMs(
    events,
    read,
    (ack) => ack.process === read.process && ['applied', 'stored', 'queued'].includes(ack.result),
  )
  const found: [Anomaly, number][] = []
  if (behindMs > 0) found.push(['A2', behindMs])
  if (ownMs > 0) found.push(['A4', ownMs])
  if (behindMs === 0) return found
  if (read.source === 'l1' && bounds.deltaMs !== undefined) {
    if (behindMs > bounds.deltaMs) found.push(['A8', behindMs])
  } else if (read.source !== 'stale' || behindMs > (bounds.staleAllowedMs ?? 0)) found.push(['A1', behindMs])
  return found
}

/** The longest that an operation which counts had been acknowledged, of those that hide the read's version. */
function staleMs(events: readonly HistoryEvent[], read: ReadEvent, counts: (ack: Ack) => boolean): number {
  let longestMs = 0
  for (const ack of events) {
    if (ack.kind !== 'invalidate' && ack.kind !== 'set') continue
    const isHarmless = read.source === 'stale' && ack.kind === 'invalidate' && ack.soft
    if (!counts(ack) || isHarmless || !touches(events, ack, read.key)) continue
    if (hides(events, ack, read)) longestMs = Math.max(longestMs, read.startMs - ack.endMs)
  }
  return longestMs
}

function hides(events: readonly HistoryEvent[], ack: Ack, read: ReadEvent): boolean {
  const { key, version } = read
  if (version === undefined) return false
  const isNewerCommitted = events.some(
    (event) =>
      event.kind === 'commit' && event.key === key && event.version > version && event.endMs < ack.startMs,
  )
  const isSetAgain = events.some(
    (event) =>
      event.kind === 'set' &&
      event.key === key &&
      event.version === version &&
      ((event.result === 'stored' && event.endMs >= ack.startMs) || event.result === 'unknown'),
  )
  return isNewerCommitted && !isSetAgain
}

function touches(events: readonly HistoryEvent[], ack: Ack, key: string): boolean {
  if (ack.kind === 'set') return ack.key === key
  const tags = events.flatMap((event) =>
    event.kind !== 'invalidate' && event.key === key ? (event.tags ?? []) : [],
  )
  return (
    ack.everything === true || ack.keys?.includes(key) === true || tags.some((tag) => ack.tags?.includes(tag))
  )
}

function isNonMonotonic(events: readonly HistoryEvent[], read: ReadEvent): boolean {
  if (read.source === 'stale' || !isOrdered(events, read)) return false
  return events.some(
    (other) =>
      other.kind === 'read' &&
      other.process === read.process &&
      (other.source === 'l1' || other.source === 'l2') &&
      mayBeShared(events, other) &&
      isNewerBefore(events, other, read),
  )
}

/** Whether its version may have been in the shared tier by then, or there is none. */
function mayBeShared(events: readonly HistoryEvent[], { key, version, endMs }: ReadEvent): boolean {
  const isOfL2 = (event: HistoryEvent): event is ReadEvent | FillEvent =>
    event.kind === 'fill' || (event.kind === 'read' && event.source === 'l2')
  if (!events.some(isOfL2)) return true
  return events.some(
    (event) =>
      (event.kind === 'set' || (isOfL2(event) && event.result !== 'refused')) &&
      event.key === key &&
      event.version === version &&
      event.startMs <= endMs,
  )
}

function isResurrected(events: readonly HistoryEvent[], event: HistoryEvent): boolean {
  return (
    isInL2(event) &&
    isOrdered(events, event) &&
    events.some((other) => isInL2(other) && isNewerBefore(events, other, event))
  )
}

function isInL2(event: HistoryEvent): event is ReadEvent | FillEvent | SetEvent {
  if (event.kind === 'read') return event.source === 'l2'
  return (event.kind === 'fill' || event.kind === 'set') && event.result === 'stored'
}

type Versioned = ReadEvent | FillEvent | SetEvent

function isNewerBefore(events: readonly HistoryEvent[], other: Versioned, event: Versioned): boolean {
  return (
    other.key === event.key &&
    other.endMs < event.startMs &&
    (other.version ?? -1) > (event.version ?? -1) &&
    isOrdered(events, other)
  )
}

function isOrdered(events: readonly HistoryEvent[], { key, version }: Versioned): boolean {
  const sets = events.filter(
    (event) =>
      event.kind === 'set' && event.key === key && (event.result === 'stored' || event.result === 'unknown'),
  )
  const isSet = sets.some((event) => event.kind === 'set' && event.version === version)
  const hasPlain = sets.some((event) => event.kind === 'set' && !event.versioned)
  return version !== undefined && !(isSet && hasPlain)
}

function secondFills(events: readonly HistoryEvent[]): FillEvent[] {
  const stored = events.filter((event) => event.kind === 'fill' && event.result === 'stored')
  const fills = stored.filter((event) => event.kind === 'fill')
  return fills.filter((fill, i) =>
    fills.slice(0, i).some((other) => other.key === fill.key && other.token === fill.token),
  )
}

function isAfterVoid(events: readonly HistoryEvent[], fill: FillEvent): boolean {
  const load = events.filter(
    (event) => event.kind === 'load' && event.key === fill.key && event.token === fill.token,
  )
  // Of several loads with one token the one that was granted last counts.
  const granted = load.map((event) => (event.kind === 'load' ? (event.grantedMs ?? event.startMs) : 0))
  if (fill.result !== 'stored' || granted.length === 0) return false
  return events.some(
    (ack) =>
      (ack.kind === 'invalidate' || ack.kind === 'set') &&
      (ack.result === 'applied' || ack.result === 'stored') &&
      (ack.kind === 'set' ? ack.key === fill.key : ack.keys?.includes(fill.key)) &&
      ack.startMs > Math.max(...granted) &&
      ack.endMs < fill.startMs,
  )
}

function rivals(events: readonly HistoryEvent[]): LoadEvent[] {
  const granted = (load: LoadEvent): number => load.grantedMs ?? load.startMs
  const until = (load: LoadEvent): number => Math.min(load.endMs, load.leasedUntilMs ?? load.endMs)
  const loads = events
    .filter((event) => event.kind === 'load')
    .filter((load) => load.token !== undefined && until(load) > granted(load))
    .sort((a, b) => granted(a) - granted(b))
  const isVoided = (first: LoadEvent, second: LoadEvent): boolean =>
    events.some(
      (event) =>
        (event.kind === 'invalidate' || event.kind === 'set') &&
        touches(events, event, first.key) &&
        event.startMs <= granted(second) &&
        (event.endMs >= first.startMs || (event.result !== 'applied' && event.result !== 'stored')),
    )
  return loads.filter((load, i) =>
    loads
      .slice(0, i)
      .some(
        (other) =>
          other.key === load.key &&
          other.token !== load.token &&
          until(other) > granted(load) &&
          !isVoided(other, load) &&
          !isVoided(load, other),
      ),
  )
}

/** A10: a version that nobody wrote, or not yet. */
function strangers(events: readonly HistoryEvent[]): [ReadEvent | FillEvent][] {
  return events.flatMap((event): [ReadEvent | FillEvent][] => {
    if ((event.kind !== 'read' && event.kind !== 'fill') || event.version === undefined) return []
    const written = events
      .filter((other) => other.kind === 'commit' || other.kind === 'set')
      .filter(({ key }) => key === event.key)
    const { version } = event
    if (written.length === 0 || written.every((other) => other.version > version)) return []
    return written.some((other) => other.version === version && other.startMs <= event.endMs) ? [] : [[event]]
  })
}
