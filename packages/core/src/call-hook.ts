/**
 * Calls a hook of the user's that nobody waits for. What it throws, or its promise rejects with, is handed to `failed`
 * (which does not throw), and harms nothing.
 */
export function callHook(hook: () => unknown, failed: (error: unknown) => void): void {
  try {
    heedRejection(hook(), failed)
  } catch (error) {
    failed(error)
  }
}

/** Where user code that must answer at once answered a promise, its rejection shall not end the process. */
export function heedRejection(answer: unknown, failed: (error: unknown) => void = ignore): void {
  if (typeof answer !== 'object' || answer === null || !('then' in answer)) return
  Promise.resolve(answer).then(undefined, failed)
}

function ignore(): void {}
