/** What the servers remember of the ring that is in use, so that whoever comes with another one hears of it. */
export interface RingRecord {
  readonly epoch: string
  /** Of the list; 0 where its source does not number it. */
  readonly version: number
  /** When the process that wrote it first used this ring, in wall milliseconds: of two lists without numbers the later. */
  readonly since: number
  /** Its servers, as host and port. */
  readonly servers: readonly string[]
}

/** As JSON, with a version of its own. */
export function encodeRecord({ epoch, version, since, servers }: RingRecord): string {
  return JSON.stringify({ v: 1, epoch, version, since, servers })
}

/** undefined: it is none of ours. */
export function decodeRecord(text: string): RingRecord | undefined {
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read !== 'object' || read === null || !('v' in read) || read.v !== 1) return undefined
    const { epoch, version, since, servers }: Partial<Record<string, unknown>> = { ...read }
    if (typeof epoch !== 'string' || typeof version !== 'number' || typeof since !== 'number')
      return undefined
    if (!Array.isArray(servers) || !servers.every((server) => typeof server === 'string')) return undefined
    return { epoch, version, since, servers }
  } catch {
    return undefined
  }
}

/** Whether a ring takes the place of another: it is of a later list. Of any two exactly one does. */
export function outranks(one: RingRecord, other: RingRecord): boolean {
  if (one.version !== other.version) return one.version > other.version
  if (one.since !== other.since) return one.since > other.since
  return one.epoch > other.epoch
}
