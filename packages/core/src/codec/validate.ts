import { CacheError, show } from '../errors.ts'
import type { SchemaIssue, SchemaResult, StandardSchema } from '../options.ts'
import { formatPath, pathStep } from './path.ts'

const ISSUES_SHOWN_MAX = 5

/**
 * The schema's output for this value, at once where the schema answers at once. Throws or rejects with
 * `invalid_load`, whose message names the path of each issue. The output is what is cached, and is itself the input
 * when it is read from L2: a schema that transforms must accept what it made.
 */
export function validate<Output>(schema: StandardSchema<Output>, value: unknown): Output | Promise<Output> {
  try {
    const result = schema['~standard'].validate(value)
    return isPromise(result) ? Promise.resolve(result).then(outputOf).catch(rethrow) : outputOf(result)
  } catch (cause) {
    return rethrow(cause)
  }
}

function isPromise<Output>(
  result: SchemaResult<Output> | Promise<SchemaResult<Output>>,
): result is Promise<SchemaResult<Output>> {
  return typeof result === 'object' && result !== null && 'then' in result
}

function outputOf<Output>(result: SchemaResult<Output>): Output {
  if (result.issues === undefined) {
    // Nothing and "no value" are not the same: the one would not be cached, and nobody would know why.
    if (!('value' in result)) throw new TypeError('it answered neither a value nor issues')
    return result.value
  }
  const shown = result.issues.slice(0, ISSUES_SHOWN_MAX).map(issueText).join('; ')
  const more = result.issues.length - ISSUES_SHOWN_MAX
  throw new CacheError('invalid_load', more > 0 ? `${shown}; and ${more} more` : shown)
}

function issueText(issue: SchemaIssue): string {
  const steps = (issue.path ?? []).map((step) => pathStep(typeof step === 'object' ? step.key : step))
  return `${formatPath(steps)}: ${show(issue.message)}`
}

function rethrow(cause: unknown): never {
  if (cause instanceof CacheError && cause.code === 'invalid_load') throw cause
  throw new CacheError('invalid_load', 'the schema itself failed', { cause })
}
