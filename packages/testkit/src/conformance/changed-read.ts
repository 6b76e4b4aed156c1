import type { ReadRequest } from 'holdfast/contracts'

/** The same request with something changed; a spread would lose what it inherits. */
export function changedRead(request: ReadRequest, changes: Partial<ReadRequest>): ReadRequest {
  return {
    key: request.key,
    tags: request.tags,
    namespace: request.namespace,
    intent: request.intent,
    tagLifeMs: request.tagLifeMs,
    known: request.known,
    get written() {
      return request.written
    },
    set written(written) {
      request.written = written
    },
    answered: (found, tokens) => request.answered(found, tokens),
    unchanged: (tokens) => request.unchanged?.(tokens),
    failed: (error) => request.failed(error),
    ...changes,
  }
}
