import { systemClock } from 'holdfast/contracts'

/** What a random test draws from: another one each run, printed by it, and the one of `SEED=` to replay a run. */
export const SEED: number = Number(process.env.SEED ?? Math.floor(systemClock.random() * 2 ** 31))

/** Numbers of 0 to below 1 that a seed replays: mulberry32, of Tommy Ettinger (public domain). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
