// Whoever started this process has gone.
process.on('disconnect', () => process.exit())
// The channel alone does not keep the process alive: a test sees whether anything else does.
process.channel?.unref()

/** Tells the process that started this one (ToldProcess). */
export function tell(message: object): void {
  process.send?.(JSON.stringify(message))
}
