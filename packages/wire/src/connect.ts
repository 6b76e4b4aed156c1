import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Endpoint } from './endpoint.ts'
import { tlsFailure } from './tls-failure.ts'

/** What a connection hears of its socket. None of it is called before `Connect` has returned. */
export interface SocketListener {
  opened(): void
  /** The chunk is valid only until the call returns: its memory is read into again. */
  data(chunk: Buffer): void
  /** Once, and nothing after it. */
  closed(error: Error | undefined): void
}

/** The part of a socket that a connection uses; `net.Socket` and `tls.TLSSocket` have it. */
export interface WireSocket {
  write(data: string | Uint8Array, encoding?: 'latin1'): boolean
  cork(): void
  uncork(): void
  /** Bytes not yet accepted by the kernel. */
  readonly writableLength: number
  end(): void
  destroy(): void
}

/** The one seam to the network: a simulator replaces it. Throws only for an impossible endpoint. */
export type Connect = (endpoint: Endpoint, listener: SocketListener) => WireSocket

// Half of what libuv would read in one go: the commands that the first half of a batch of replies leads to are on their
// way while the second is handled. With 64 calls in flight 13 to 70 % more calls a second than with 64 KB; 16 KB
// costs more reads than it gains (npm run bench -- --only get-64).
const READ_BUFFER_BYTES = 32 * 1024
// A read that fills the buffer says that more waits: it is fetched in larger pieces until that is over. With values of
// 1 KB and 64 calls in flight that takes a fifth off the processor time of a call, with 64 KB a third.
const LARGE_READ_BUFFER_BYTES = 8 * READ_BUFFER_BYTES
const KEEP_ALIVE_MS = 10_000

/** Opens a real socket. */
export const connectSocket: Connect = (endpoint, listener) => {
  const socket = endpoint.transport === 'tls' ? openTls(endpoint, listener) : openPlain(endpoint, listener)
  let failure: Error | undefined
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  socket.once(endpoint.transport === 'tls' ? 'secureConnect' : 'connect', () => listener.opened())
  socket.on('error', (error) => {
    failure = endpoint.transport === 'tls' ? tlsFailure(error) : error
  })
  // The peer will answer nothing more: there is no use for a half-open socket.
  socket.once('end', () => socket.destroy())
  socket.once('close', () => listener.closed(failure))
  return socket
}

/** TCP or a unix socket, read into one of two buffers for the life of the socket: no allocation per read. */
function openPlain(endpoint: Endpoint & { transport: 'tcp' | 'unix' }, listener: SocketListener): Socket {
  const usual = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  let large: Buffer<ArrayBuffer> | undefined
  let buffer = usual
  const callback = (length: number): boolean => {
    const chunk = buffer.subarray(0, length)
    // Of the next read: it is asked for when this one is done with.
    if (length === buffer.length) buffer = large ??= Buffer.allocUnsafeSlow(LARGE_READ_BUFFER_BYTES)
    else if (length < READ_BUFFER_BYTES) buffer = usual
    listener.data(chunk)
    return true
  }
  const onread = { buffer: () => buffer, callback }
  return endpoint.transport === 'unix'
    ? connectPlain({ path: endpoint.path, onread })
    : connectPlain({ host: endpoint.host, port: endpoint.port, onread })
}

function openTls(endpoint: Endpoint & { transport: 'tls' }, listener: SocketListener): Socket {
  // rejectUnauthorized is spelled out because an environment variable of Node can turn its default off.
  const { host, port } = endpoint
  const socket = connectTls({ rejectUnauthorized: true, ...endpoint.tls, host, port })
  socket.on('data', (chunk: Buffer) => listener.data(chunk))
  return socket
}
