/** Binary search in 0..length for the first index where `holds`, which stays true once it is; `length`: nowhere. */
export function firstIndex(length: number, holds: (i: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
