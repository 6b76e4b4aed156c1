import { Redis, type RedisOptions } from 'ioredis'

// The bound of design's L2 operations, for every client alike.
const COMMAND_TIMEOUT_MS = 250
const SOCKET_TIMEOUT_MS = 1000
const RETRY_STEP_MS = 50
const RETRY_MS_MAX = 500

/** What ioredis documents against a server that is away, silent or slow. */
const patientOptions = {
  connectTimeout: SOCKET_TIMEOUT_MS,
  retryStrategy: (times: number) => Math.min(times * RETRY_STEP_MS, RETRY_MS_MAX),
} satisfies RedisOptions

/** A connection for commands: none waits for longer than its timeout, or for a connection. */
export function openPatient(url: string, tell: (trouble: unknown) => void): Redis {
  const client = new Redis(url, {
    ...patientOptions,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
  })
  client.on('error', tell)
  return client
}

/** A connection of a bus: what it subscribes to or publishes may wait for it, but not for ever. */
export function openPatientBus(url: string, tell: (trouble: unknown) => void): Redis {
  const client = new Redis(url, { ...patientOptions, commandTimeout: COMMAND_TIMEOUT_MS })
  client.on('error', tell)
  return client
}

/** As the guides open it. Their readers do listen to errors. */
export function openPlain(url: string, tell: (trouble: unknown) => void): Redis {
  const client = new Redis(url)
  client.on('error', tell)
  return client
}
