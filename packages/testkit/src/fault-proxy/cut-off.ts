import type { Socket } from 'node:net'

/**
 * Ends a socket at once: with an RST, unless it is saying its goodbye (FIN) right now. That one cannot be reset:
 * libuv answers EINVAL, and Node then never closes it, keeps its descriptor, and spins for ever when the process ends.
 */
export function cutOff(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
