// Names that a line has room for.
const NAMED_MAX = 5

/** Names as part of a line, however many there are: `a, b and 7 more`. */
export function nameSome(names: readonly string[]): string {
  const left = names.length - NAMED_MAX
  return `${names.slice(0, NAMED_MAX).join(', ')}${left > 0 ? ` and ${left} more` : ''}`
}
