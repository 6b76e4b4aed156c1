/** `Promise.all` that does not settle before all are over. */
export async function allOver<Result>(promises: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(promises)
  return await Promise.all(promises)
}
