/** The servers that a suite runs over: Redis, and Valkey where VALKEY_BIN names one. */
export const PROGRAMS: readonly ('redis' | 'valkey')[] = process.env.VALKEY_BIN
  ? ['redis', 'valkey']
  : ['redis']

/** The server of tests that run over one: Valkey where VALKEY_BIN names one. */
export const FAULT_PROGRAM: 'redis' | 'valkey' = process.env.VALKEY_BIN ? 'valkey' : 'redis'

/** Says loudly, once a file, what did not run. */
export function tellMissingValkey(what: string): void {
  if (process.env.VALKEY_BIN) return
  process.stderr.write(`SKIPPED: ${what} over Valkey: set VALKEY_BIN to a valkey-server\n`)
}
