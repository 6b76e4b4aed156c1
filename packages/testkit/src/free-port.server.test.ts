import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from './free-port.ts'

test('the port can be listened on, and ports of one turn differ', async () => {
  const port = await freePort()
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  expect(await freePort()).not.toBe(port)
  await new Promise((resolve) => server.close(resolve))
})

test('no outgoing connection is given the port: a server that restarts finds it free', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()))
  // Where Linux begins with those of connections; others begin higher.
  expect(Math.max(...ports)).toBeLessThan(32_768)
})
