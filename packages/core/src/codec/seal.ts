import { CacheError } from '../errors.ts'
import type { Isolation } from '../options.ts'
import { copyOf } from './copy.ts'
import { freezeAll, isFrozenThroughout } from './freeze.ts'
import type { NamedTypes } from './named-types.ts'
import { type Form, type Survey, survey } from './survey.ts'
import { writeTable } from './table-writer.ts'

/** A value as the tiers keep it. */
export interface Sealed {
  /** What L1 keeps and L2 is written from. Readers get `handOut(sealed)`, the caller who loaded it included. */
  readonly value: unknown
  /** Estimated heap bytes. */
  readonly weightBytes: number
  /** The wire form it needs. */
  readonly form: Form
  /** Each reader gets a copy: isolation is 'clone', or it holds what nothing makes read-only (bytes, URL). */
  readonly cloneOnHit: boolean
}

export interface SealOptions {
  readonly isolation: Isolation
  /**
   * Whose hands the value was in. 'loaded': a loader's result, sealed in place. 'given': an argument of `set`, which
   * stays untouched: a copy is sealed. 'decoded': fresh from the codec and nobody else's: sealed in place, trusted.
   */
  readonly origin: 'loaded' | 'given' | 'decoded'
  readonly types: NamedTypes
}

/**
 * Makes a value fit for the tiers: refuses what could not come back as it is (`unsupported_value`, naming the path),
 * weighs it, finds its wire form, and sees to it by `isolation` that no reader can change it for the others. A value
 * that is refused is left as it was. `undefined` is no value: it means "do not cache", and is refused.
 */
export function seal(value: unknown, options: SealOptions): Sealed {
  const { isolation, origin, types } = options
  if (value === undefined) {
    throw new CacheError('unsupported_value', 'value: undefined cannot be cached; null can')
  }
  const found = survey(value, types, origin === 'decoded' ? 'own' : 'foreign')
  // A graph with registered instances may lead from one back into itself: the writer knows, so ask it once.
  if (found.isGraph && found.namedCount > 0 && origin !== 'decoded') writeTable(value, types)
  const cloneOnHit = isolation === 'clone' || (isolation === 'freeze' && found.needsCopies)
  const kept = needsCopy(found, options, cloneOnHit) ? copyOf(value, found.form, types) : value
  if (isolation === 'freeze' && !cloneOnHit) {
    freezeAll(kept === value ? found.nodes : survey(kept, types, 'own').nodes)
  }
  return { value: kept, weightBytes: found.weightBytes, form: found.form, cloneOnHit }
}

/** What one reader gets: the value itself, or a copy where readers could disturb each other. */
export function handOut(sealed: Pick<Sealed, 'value' | 'form' | 'cloneOnHit'>, types: NamedTypes): unknown {
  return sealed.cloneOnHit ? copyOf(sealed.value, sealed.form, types) : sealed.value
}

function needsCopy(found: Survey, { isolation, origin }: SealOptions, cloneOnHit: boolean): boolean {
  if (isolation === 'share' || origin === 'decoded') return false
  if (cloneOnHit || found.isLocked) return true
  // What is read-only to the bottom already can be shared with its giver, too.
  return origin === 'given' && (found.namedCount > 0 || !isFrozenThroughout(found.nodes))
}
