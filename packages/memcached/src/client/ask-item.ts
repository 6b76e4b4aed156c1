import type { Asked } from './ask-statistics.ts'
import type { MetaKey } from './meta-key.ts'
import { CLASSIC } from './opaques.ts'

/** What a server knows of an item by itself, in its own words: `exp`, `la`, `cas`, `fetch`, `cls` and `size`. */
export type ItemFacts = ReadonlyMap<string, string>

/**
 * Asks for an item without touching it (`me`): seconds to its end and since it was used, its cas, whether it was read, the
 * class of its size, its bytes. undefined: it is not there. Of a binary key newer servers say so always (seen: 1.6.45).
 */
export async function askItem(link: Asked, key: MetaKey, by: number): Promise<ItemFacts | undefined> {
  const command = `me ${key.text}${key.isBinary ? ' b' : ''}\r\n`
  const { code, text } = await link.send(command, { by, mark: CLASSIC })
  if (code !== 'ME') return undefined
  const [, ...fields] = text.split(' ')
  return new Map(
    fields.map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  )
}
