// Processes end before their folders go. Each set is as large as the number of servers that run now.
const steps = { end: new Set<Duty>(), remove: new Set<Duty>() }
let isHooked = false

type Duty = () => void

/** Runs `duty` when this process exits, unless the returned function was called before. */
export function onProcessExit(step: 'end' | 'remove', duty: Duty): () => void {
  if (!isHooked) process.on('exit', runAll)
  isHooked = true
  steps[step].add(duty)
  return () => void steps[step].delete(duty)
}

function runAll(): void {
  for (const duty of [...steps.end, ...steps.remove]) {
    try {
      duty()
    } catch {
      // The process is going: one failed duty must not keep the others from being done.
    }
  }
}
