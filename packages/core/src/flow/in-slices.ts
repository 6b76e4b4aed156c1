// A key needs up to two commands at once, and a connection carries 16,384: a slice leaves room for other callers.
export const SLICE_MAX = 2000

/**
 * Runs a bulk operation in slices, one after the other, each with its own budget: all of them, whatever becomes of one.
 * Rejects with the first error when all are over.
 */
export async function inSlices<Item, Result>(
  items: readonly Item[],
  run: (slice: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = []
  const errors: unknown[] = []
  for (let at = 0; at < items.length; at += SLICE_MAX) {
    const slice = items.slice(at, at + SLICE_MAX)
    await run(slice).then(
      (ended) => {
        for (const result of ended) results.push(result)
      },
      (error: unknown) => errors.push(error),
    )
  }
  if (errors.length > 0) throw errors[0]
  return results
}
