import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cutOff } from './cut-off.ts'

let server: Server
let peer: Promise<string>
beforeEach(async () => {
  const ended = Promise.withResolvers<string>()
  peer = ended.promise
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', (error) => ended.resolve(error.message))
    socket.once('end', () => {
      socket.end()
      ended.resolve('end')
    })
    socket.resume()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterEach(() => {
  server.close()
})

async function dial(): Promise<Socket> {
  // `as`: a TCP server's address is never a path.
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

test('an open socket is reset, and closed', async () => {
  const socket = await dial()
  const closed = once(socket, 'close')
  cutOff(socket)
  await closed
  expect(await peer).toContain('ECONNRESET')
})

test('a socket in the middle of its goodbye is closed, too', async () => {
  const socket = await dial()
  const failed: string[] = []
  socket.on('error', ({ message }) => failed.push(message))
  const closed = once(socket, 'close')
  socket.end()
  cutOff(socket)
  await closed
  expect(failed).toEqual([])
  expect(await peer).toBe('end')
})
