import type { Clock, Timer } from 'holdfast/contracts'

/**
 * Calls `fire` once `clock.now()` has reached `by`, never sooner: a timer may fire a little early, and a caller
 * who gave up early could still see his put stored.
 */
export function atDeadline(clock: Clock, by: number, fire: () => void): Timer {
  let timer: Timer | undefined
  const arm = (): void => {
    timer = clock.after(by - clock.now(), () => {
      if (clock.now() < by) arm()
      else fire()
    })
  }
  arm()
  return { cancel: () => timer?.cancel() }
}
