import { type Connect, connectSocket, type WireSocket } from '@holdfast/wire'

/**
 * The error of clients that give back the place of a cancelled command while its reply is under way: after each `slip`
 * the next reply belongs to nobody, and is taken for that of the command behind it, and so on.
 */
export interface SlippingConnect {
  readonly connect: Connect
  slip(): void
}

export function slippingConnect(): SlippingConnect {
  let latest: WireSocket | undefined
  return {
    connect(endpoint, listener) {
      const socket = connectSocket(endpoint, listener)
      latest = socket
      return socket
    },
    // A command of which the connection knows nothing, between two of its own: it writes whole ones in a turn.
    slip: () => void latest?.write('*1\r\n$4\r\nPING\r\n'),
  }
}
