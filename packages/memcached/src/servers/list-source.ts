import type { ListedServer } from './placement.ts'

/** The servers of a pool, at some moment. */
export interface ServerList {
  readonly servers: readonly ListedServer[]
  /** Rises with every change, where the source counts them. */
  readonly version: number | undefined
}

/** What a source tells of. */
export interface ListListener {
  /** The list, when it is first known, and whenever it may have changed. */
  told(list: ServerList): void
  /** It could not be asked: what was told last still holds. */
  trouble(error: unknown): void
}

/** A source that is being listened to. */
export interface OpenListSource {
  /** Asks at once, for a reason to think that the list has changed. */
  refresh(): void
  close(): void
}

/** Where a pool has its list of servers from. */
export interface ListSource {
  /** In one word, without credentials. */
  readonly address: string
  open(listener: ListListener): OpenListSource
}

/** Servers that are known from the beginning, and stay. */
export function staticList(servers: readonly ListedServer[]): ListSource {
  return {
    address: servers.map(({ host, port }) => (port === 0 ? host : `${host}:${port}`)).join(','),
    open: (listener) => {
      listener.told({ servers, version: undefined })
      return { refresh() {}, close() {} }
    },
  }
}
