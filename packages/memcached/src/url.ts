import type { Endpoint } from '@holdfast/wire'
import type { Credentials } from './client/credentials.ts'

/** Where one Memcached server is, and who asks. */
export interface MemcachedAddress {
  readonly endpoint: Endpoint
  readonly credentials: Credentials | undefined
  /** Its share of the keys beside those of others, from 1. */
  readonly weight: number
  /** The address as a URL without credentials: what messages and logs may show. */
  readonly display: string
}
