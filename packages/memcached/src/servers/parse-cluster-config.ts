import { CacheError, show } from 'holdfast/contracts'
import type { ServerList } from './list-source.ts'
import type { ListedServer } from './placement.ts'

const PLAIN = "it is no configuration endpoint (their names hold .cfg.): a plain server needs no 'discovery'"

/**
 * The reply to `config get cluster`, as Amazon documents it:
 *
 *     CONFIG cluster 0 136\r\n
 *     12\n
 *     host-1|10.82.235.120|11211 host-2|10.80.249.27|11211\n
 *     \r\n
 *     END\r\n
 *
 * The version, which rises with every change of the nodes, then the nodes; an address may be missing. The length in the
 * first line is not trusted: documents and servers do not agree on what it counts. undefined: there is more to come.
 * Throws `l2_error` for what is no such reply.
 */
export function parseClusterConfig(reply: string): ServerList | undefined {
  const head = /^CONFIG cluster \d+ \d+\r\n/.exec(reply)
  if (head === null) {
    if (!reply.includes('\r\n')) return undefined
    throw notAConfiguration(reply)
  }
  if (!reply.endsWith('END\r\n')) return undefined
  const [version = '', nodes = ''] = reply.slice(head[0].length).split(/\r?\n/)
  if (!/^\d{1,15}$/.test(version)) throw notAConfiguration(reply)
  const servers = nodes
    .trim()
    .split(' ')
    .filter((node) => node !== '')
    .map(parseNode)
  if (servers.length === 0) throw new CacheError('l2_error', 'the configuration names no servers')
  return { version: Number(version), servers }
}

/** Named by its host, which stays where a node is replaced, and which its certificate is for. */
function parseNode(node: string): ListedServer {
  const [host = '', address = '', port = ''] = node.split('|')
  const number = Number(port)
  if ((host || address) === '' || !/^\d+$/.test(port) || number < 1 || number > 65_535)
    throw new CacheError('l2_error', `the configuration names ${show(node)}, which is no server`)
  return { host: host || address, port: number, weight: 1 }
}

function notAConfiguration(reply: string): CacheError {
  const [line = ''] = reply.split('\r\n')
  const hint = line === 'ERROR' ? `; ${PLAIN}` : ''
  return new CacheError('l2_error', `it answered 'config get cluster' with ${show(line)}${hint}`)
}
