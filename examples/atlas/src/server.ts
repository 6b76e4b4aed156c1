import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Outcome } from 'holdfast'
import type { Atlas } from './atlas.ts'
import type { Ending, Meter } from './meter.ts'
import { answer, Refusal, type Reply } from './routes.ts'
import { watchRead } from './watch-read.ts'

const HOST = '127.0.0.1'
// { "population": 2147483647 } with room for white space.
const BODY_BYTES_MAX = 1_024
// Ports tried after the wanted one.
const PORTS_TRIED_MAX = 100

export interface AtlasServer {
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

/** Serves the atlas on `port` of the loopback address, or on the next free one; 0 is any. */
export async function startServer(atlas: Atlas, meter: Meter, port: number): Promise<AtlasServer> {
  const server = createServer((request, response) => void serve(request, response, atlas, meter))
  const taken = await listen(server, port)
  return {
    port: taken,
    url: `http://${HOST}:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  atlas: Atlas,
  meter: Meter,
): Promise<void> {
  const startMs = performance.now()
  const question = {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    body: () => readBody(request),
  }
  const { value: reply, outcome } = await watchRead(() => answer(question, atlas, () => meter.summary()))
  send(response, reply)
  const isRead = request.method !== 'PUT' && outcome !== undefined
  meter.record(isRead ? ending(outcome) : 'other', performance.now() - startMs)
}

/** A caller that waited for another one's load missed as well: it is slow for the same reason. */
function ending(outcome: Outcome): Ending {
  return outcome === 'miss' || outcome === 'coalesced' ? 'miss' : 'hit'
}

function send(response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(`${JSON.stringify(reply.body)}\n`)
  response.statusCode = reply.status
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('content-length', body.length)
  if (reply.allow !== undefined) response.setHeader('allow', reply.allow)
  // The rest of a body that was refused is not read: the connection cannot serve another request.
  if (reply.status === 413) response.setHeader('connection', 'close')
  response.end(body)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Refusal(413, `body: expected at most ${BODY_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function listen(server: Server, wanted: number): Promise<number> {
  const last = wanted === 0 ? 0 : Math.min(65_535, wanted + PORTS_TRIED_MAX)
  for (let port = wanted; port <= last; port++) {
    const bound = await tryListen(server, port)
    if (bound !== undefined) return bound
  }
  throw new Error(`no free port from ${wanted} to ${last}`)
}

/** The port it listens on; undefined where this one is taken. */
function tryListen(server: Server, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    }
    server.once('error', onError)
    server.listen(port, HOST, () => {
      server.off('error', onError)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
