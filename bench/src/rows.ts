import type { Row } from './row.ts'
import { frozenRow } from './rows/frozen.ts'
import { herdRow, memcachedHerdRow } from './rows/herd.ts'
import { invalidateTagRows } from './rows/invalidate-tag.ts'
import { l1HitRow } from './rows/l1-hit.ts'
import { l2HitRow } from './rows/l2-hit.ts'
import { memcachedGetRows } from './rows/memcached-get.ts'
import { memoryRow, taggedMemoryRow } from './rows/memory.ts'
import { overheadRow, taggedOverheadRow } from './rows/overhead.ts'
import { rawGetRows } from './rows/raw-get.ts'
import { setTagsRow } from './rows/set-tags.ts'
import { swrRow } from './rows/swr.ts'

/** Every comparison, in the order of the report. */
export const rows: readonly Row[] = [
  ...rawGetRows,
  ...memcachedGetRows,
  l2HitRow,
  l1HitRow,
  setTagsRow,
  herdRow,
  memcachedHerdRow,
  swrRow,
  ...invalidateTagRows,
  frozenRow,
  overheadRow,
  taggedOverheadRow,
  memoryRow,
  taggedMemoryRow,
]
