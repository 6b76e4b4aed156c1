/**
 * The one place where a cached value gets the type its callers say it has. The engine carries `unknown`; what stands
 * under a key is what its loader gave, by the contract of the cache, and a `validate` schema is how a user checks it.
 */
export function typed<T>(value: unknown): T {
  // reason: no runtime knows T; see above.
  return value as T
}
