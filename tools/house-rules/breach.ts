/** One place where the house style is broken, and what to do about it. */
export interface Breach {
  readonly rule: string
  /** Path from the root of the repository. */
  readonly file: string
  readonly line: number
  readonly mend: string
}

/** One line for a message: `packages/core/src/x.ts:12  no-any: …`. */
export function describeBreach(breach: Breach): string {
  return `${breach.file}:${breach.line}  ${breach.rule}: ${breach.mend}`
}
