// A key needs up to two commands at once, and a connection carries 16,384: a slice leaves room for other callers.
export const SLICE_MAX = 2000

/** Runs a bulk operation in slices, one after the other, each with its own budget. */
export async function inSlices<Item, Result>(
  items: readonly Item[],
  run: (slice: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += SLICE_MAX) {
    for (const result of await run(items.slice(at, at + SLICE_MAX))) results.push(result)
  }
  return results
}
