import { pause } from '../until.ts'
import { ServerError } from './server-error.ts'

/** Why a start fails that will not fail for long. */
export interface Passing {
  /** What the error says then. */
  readonly says: RegExp
  readonly pauseMs: number
}

/** Somebody else was faster on a port that was free. */
export const PORT_TAKEN: Passing = { says: /address already in use/i, pauseMs: 20 }

const ATTEMPTS_MAX = 5

/** Starts a server, and once more where the reason of its failure passes, five times at most. */
export async function startPatiently<T>(start: () => Promise<T>, { says, pauseMs }: Passing): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      const passes = error instanceof ServerError && says.test(error.message)
      if (!passes || attempt === ATTEMPTS_MAX) throw error
      await pause(pauseMs)
    }
  }
}
