/**
 * Makes this child process end with its parent, in whatever way that ends: at SIGTERM, and when the channel to
 * the parent closes (which it does even where the parent was killed). SIGINT is left to the parent: a terminal
 * sends it to both, and the parent ends its children in the right order. `close` is given 2 s.
 */
export function endWithParent(close: () => Promise<void>): void {
  let ending = false
  const end = (): void => {
    if (ending) return
    ending = true
    setTimeout(() => process.exit(1), 2_000).unref()
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})
  process.once('SIGTERM', end)
  process.once('disconnect', end)
  if (!process.connected) end()
}
