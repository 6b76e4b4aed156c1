/**
 * What key `i` of a namespace says, and what a process remembers of it: `<server> <token> <token left behind, or ->`.
 * `server` is `<run id>.<replication id>`: another one after each start and after each promotion. The first token is
 * made with the mark. The second is that of the mark on the server from which whoever wrote this one had come.
 */
export interface Mark {
  readonly server: string
  readonly token: string
  readonly text: string
}

export function newMark(server: string, token: string, left: Mark | undefined): Mark {
  return { server, token, text: `${server} ${token} ${left?.token ?? '-'}` }
}

/** `text` is of this server. */
export function parseMark(server: string, text: string): Mark {
  return { server, token: text.split(' ')[1] ?? '', text }
}

/**
 * What a mark must begin and end with for data to be used as they are: they were fenced on this very server and
 * promotion, and, if this process comes from another server, after the time of that one. Else a primary that was gone
 * for a while and came back as it was would bring back what was invalidated elsewhere meanwhile.
 */
export function demandedOf(
  server: string,
  left: Mark | undefined,
): { readonly start: string; readonly end: string } {
  const isElsewhere = left !== undefined && left.server !== server
  return { start: `${server} `, end: isElsewhere ? ` ${left.token}` : '' }
}
