export type { WireClock, WireTimer } from './clock.ts'
export { systemWireClock } from './clock.ts'
export type { Command, Receiver, SendOptions, WrittenCommand } from './command.ts'
export { type Connect, connectSocket, type SocketListener, type WireSocket } from './connect.ts'
export { Connection, type ConnectionEvents, type ConnectionOptions } from './connection.ts'
export { Credentials } from './credentials.ts'
export { describeEndpoint, type Endpoint, type TlsSettings } from './endpoint.ts'
export type { FrameSink, Framing } from './framing.ts'
export { type Handshake, type HandshakeLink, HandshakeRedirected, HandshakeRefused } from './handshake.ts'
export { type ConnectionLimits, DEFAULT_LIMITS } from './limits.ts'
export { isLoopback } from './loopback.ts'
export {
  type BadUrl,
  readHostAndPort,
  readSocketPath,
  type ServerUrlForms,
  type ServerUrlParts,
  splitServerUrl,
} from './server-url.ts'
export { ServerWatch, type WatchedServer } from './server-watch.ts'
export { isNoTls } from './tls-failure.ts'
export { type Plaintext, transportWarning, type WayToServer } from './transport-warning.ts'
export { WireError, type WireErrorCode } from './wire-error.ts'
