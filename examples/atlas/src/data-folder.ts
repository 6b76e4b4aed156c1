import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A folder that only this process uses until `release`. */
export interface DataFolder {
  readonly path: string
  /** 1 for the first; higher ones say that others are in use. */
  readonly slot: number
  release(): void
}

// Copies of atlas that may run side by side on one checkout.
const SLOTS_MAX = 8

/**
 * Claims the first of `base/1` … `base/8` that no living process holds: PGlite has no lock of its own, and two
 * processes on one folder would ruin it. Throws where all are taken.
 */
export function claimDataFolder(base: string): DataFolder {
  for (let slot = 1; slot <= SLOTS_MAX; slot++) {
    const path = join(base, String(slot))
    const lock = join(base, `${slot}.pid`)
    mkdirSync(path, { recursive: true })
    if (take(lock)) return { path, slot, release: () => rmSync(lock, { force: true }) }
  }
  throw new Error(`all ${SLOTS_MAX} data folders under ${base} are in use`)
}

function take(lock: string): boolean {
  if (create(lock)) return true
  if (isHeld(lock)) return false
  // Its holder was killed. Two processes that find this in the same instant: one of them creates, the other not.
  rmSync(lock, { force: true })
  return create(lock)
}

function create(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function isHeld(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    return Number.isInteger(pid) && pid > 0 && process.kill(pid, 0)
  } catch (error) {
    // Alive, but another user's: held all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
