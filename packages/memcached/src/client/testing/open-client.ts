import { systemClock } from 'holdfast/contracts'
import { onTestFinished, vi } from 'vitest'
import { parseMemcachedUrls } from '../../url.ts'
import { MemcachedClient, type MemcachedClientOptions, type MetaOptions } from '../memcached-client.ts'

/** A client of this server, which ends with the test that opened it. */
export function openClient(url: string, options: Partial<MemcachedClientOptions> = {}): MemcachedClient {
  const [address] = parseMemcachedUrls(url)
  if (address === undefined) throw new Error('a url of one server was expected')
  const client = new MemcachedClient({
    address,
    clock: systemClock,
    ...options,
    limits: { backoffMinMs: 5, backoffMaxMs: 50, ...options.limits },
  })
  onTestFinished(() => client.close())
  return client
}

/** The same, in use. */
export async function openedClient(
  url: string,
  options: Partial<MemcachedClientOptions> = {},
): Promise<MemcachedClient> {
  const client = openClient(url, options)
  await untilReady(client)
  return client
}

export function untilReady(client: MemcachedClient): Promise<unknown> {
  return vi.waitUntil(() => client.ready, { interval: 1, timeout: 5000 })
}

/** Time enough for any answer, and too little to wait for a lost one. */
export function soon(ms = 2000): MetaOptions {
  return { by: systemClock.now() + ms }
}
