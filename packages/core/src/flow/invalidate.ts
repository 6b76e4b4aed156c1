import type { Invalidation } from '../contracts.ts'
import { notApplied } from '../invalidation/not-applied.ts'
import type { Runtime } from '../runtime/runtime.ts'

/**
 * How far an invalidation has come. It holds in this process in any case. 'applied': in L2 too (or there is none).
 * 'queued': L2 did not acknowledge it; it is replayed before this process uses L2 again. In L1 mode 'bus' also where the
 * bus did not accept word of it: the other processes drop all of L1 when they next hear of this one.
 */
export interface Invalidated {
  readonly l2: 'applied' | 'queued'
}

export interface InvalidateOptions {
  /** 'applied': reject with `not_applied` where L2 does not acknowledge. It is queued and holds here all the same. */
  readonly require?: 'applied'
}

/** Removes values and voids their loads. One round trip. */
export async function deleteKeys(
  rt: Runtime,
  keys: readonly string[],
  options?: InvalidateOptions,
): Promise<Invalidated> {
  const drop = (asked: boolean) => {
    for (const key of keys) {
      if (asked) rt.flights.void(key)
      rt.dropKey(key, 'invalidated')
    }
  }
  return await invalidate(rt, { kind: 'keys', names: keys }, 'delete', drop, options)
}

/** Makes values stale and voids their loads: served within swr and staleIfError only. One round trip. */
export async function expireKeys(
  rt: Runtime,
  keys: readonly string[],
  options?: InvalidateOptions,
): Promise<Invalidated> {
  const expire = (asked: boolean) => {
    const now = rt.clock.now()
    for (const key of keys) {
      if (asked) rt.flights.void(key)
      rt.pendings.kill(key)
      const entry = rt.shared.memory?.peek(rt.prefix + key)
      if (entry !== undefined) entry.staleAt = Math.min(entry.staleAt, now)
    }
  }
  return await invalidate(rt, { kind: 'expire-keys', names: keys }, 'expire', expire, options)
}

/** Invalidates every entry that carries one of these tags. One round trip, whatever their number. */
export async function invalidateTags(
  rt: Runtime,
  tags: readonly string[],
  options?: InvalidateOptions,
): Promise<Invalidated> {
  const kill = () => {
    rt.localEpoch = rt.clock.token()
    for (const tag of tags) rt.cells.kill(tag)
  }
  return await invalidate(rt, { kind: 'tags', names: tags }, 'tags', kill, options)
}

/** Makes every entry that carries one of these tags stale. */
export async function expireTags(
  rt: Runtime,
  tags: readonly string[],
  options?: InvalidateOptions,
): Promise<Invalidated> {
  const soften = () => {
    rt.localEpoch = rt.clock.token()
    for (const tag of tags) rt.cells.soften(tag)
  }
  return await invalidate(rt, { kind: 'expire-tags', names: tags }, 'expire-tags', soften, options)
}

/** Invalidates every entry of the namespace. One command. */
export async function clear(rt: Runtime, options?: InvalidateOptions): Promise<Invalidated> {
  const wipe = (asked: boolean) => {
    rt.localEpoch = rt.clock.token()
    if (asked) rt.flights.voidAll()
    rt.pendings.killAll()
    rt.cells.killNamespace()
    rt.shared.memory?.deleteWhere((entry) => rt.cells.hasNamespace(entry.cells[0]))
  }
  return await invalidate(rt, { kind: 'clear' }, 'clear', wipe, options)
}

/**
 * Acts here when it is asked, before L2 is told, and once more when L2 has acknowledged: a read of this process that
 * was under way in between may have brought the old value back into L1. Loads that began in between are new enough.
 */
async function invalidate(
  rt: Runtime,
  invalidation: Invalidation,
  kind: 'delete' | 'expire' | 'tags' | 'expire-tags' | 'clear',
  actHere: (asked: boolean) => void,
  options: InvalidateOptions | undefined,
): Promise<Invalidated> {
  actHere(true)
  const names = invalidation.kind === 'clear' ? [] : invalidation.names
  if (rt.link === undefined) {
    rt.recorder.invalidate(kind, names, 'applied')
    return { l2: 'applied' }
  }
  const result = await rt.link.invalidate(invalidation)
  actHere(false)
  rt.recorder.invalidate(kind, names, result.l2)
  if (result.l2 === 'queued') {
    // That the bus refused is told of where it does.
    if (result.by === 'l2') rt.recorder.trouble('l2.write_failed', names[0], result.cause)
    if (options?.require === 'applied') throw notApplied(result.cause)
  }
  return { l2: result.l2 }
}

/** How several ended, taken together. */
export function worstOf(ended: readonly Invalidated[]): Invalidated {
  return { l2: ended.some((one) => one.l2 === 'queued') ? 'queued' : 'applied' }
}
