import type { Command, SendOptions } from '@holdfast/wire'
import type { MetaReply } from './meta-reply.ts'
import { CLASSIC } from './opaques.ts'
import type { Statistics } from './server-facts.ts'

/** Where the question goes. */
export interface Asked {
  send(command: Command, options: SendOptions<MetaReply>): Promise<MetaReply>
}

/** What `stats` is asked for: the whole server, its settings, or its memory by size of items. */
export type StatisticsSection = '' | 'settings' | 'slabs' | 'items'

// `stats items` has 24 fields of each of 63 classes. More than this is no Memcached: the rest is passed over.
export const FIELDS_MAX = 4096

/** The fields of `stats`, or of one of its sections. `answered` sees them in wire order. */
export async function askStatistics(
  link: Asked,
  section: StatisticsSection,
  by: number,
  answered?: (fields: Statistics) => void,
): Promise<Statistics> {
  const fields = new Map<string, string>()
  const tap = ({ code, text }: MetaReply): void => {
    if (code === 'STAT') {
      if (fields.size >= FIELDS_MAX) return
      const space = text.indexOf(' ')
      fields.set(text.slice(0, space), text.slice(space + 1))
    } else if (code === 'END') answered?.(fields)
  }
  await link.send(section === '' ? 'stats\r\n' : `stats ${section}\r\n`, { by, mark: CLASSIC, tap })
  return fields
}
