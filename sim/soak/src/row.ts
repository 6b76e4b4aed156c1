/** What a loader answers: enough to tell whose value it is, how old, and whether it is whole. */
export interface Row {
  readonly key: string
  readonly version: number
  /** About 1 KB that nothing but this key and version has. */
  readonly body: string
}

const BODY_CHARS = 960
// Keys of a long soak are 100 times as many, those of a short one 5 times: so many entries share a tag.
const TAGS = 1000

export function keyName(key: number): string {
  return `row-${key}`
}

/** The tags of a key's entries, which never change. */
export function tagsOf(key: number): readonly string[] {
  return [`group-${key % TAGS}`]
}

export function rowOf(key: number, version: number): Row {
  const name = keyName(key)
  return { key: name, version, body: bodyOf(name, version) }
}

/** Whether a value is one that a loader made, to the last character. */
export function isWhole(row: Row): boolean {
  return row.body === bodyOf(row.key, row.version)
}

function bodyOf(name: string, version: number): string {
  const unit = `${name}@${version};`
  return unit.repeat(Math.ceil(BODY_CHARS / unit.length)).slice(0, BODY_CHARS)
}
