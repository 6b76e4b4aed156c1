/**
 * Bytes as they were written once, for good: a change that does not read them any more, or reads something else, has
 * changed the wire format (docs/wire/entry.md).
 */

/** The token of the namespace that the golden entries belong to. */
export const GOLDEN_NAMESPACE_TOKEN = 'goldenns'

/** What the entry of format 1 holds under the key `k`, until 2060. */
export const GOLDEN_VALUE = { name: 'Åse', n: [1, 2.5, null] }

const FIXED = '676f6c64656e6964d6970f0f69291949019b76daa800ffffffffffffffffffff000007'
const NAMESPACE = '676f6c64656e6e73'
const PAYLOAD = '7b226e616d65223a22c3857365222c226e223a5b312c322e352c6e756c6c5d7d'

/** Magic, format, flags, codec; id to load time; namespace token; number of tags; payload. */
export const GOLDEN_ENTRY: Buffer = Buffer.from(`48010000${FIXED}${NAMESPACE}00${PAYLOAD}`, 'hex')

/** What an older release, which had no key check and no tags, could have left behind. */
export const OLDER_ENTRY: Buffer = Buffer.from(`48000000${FIXED}${PAYLOAD}`, 'hex')

/** What a newer release, which says its length first and more at the end, may write beside us. */
export const NEWER_ENTRY: Buffer = Buffer.from(`48020000${FIXED}0000${NAMESPACE}00${PAYLOAD}ffffffff`, 'hex')
