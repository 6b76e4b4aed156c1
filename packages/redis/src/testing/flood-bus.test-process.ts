/** Publishes word of keys on a bus, so many frames a second: argv is the port, the channel, the rate and the seconds. */

import { connect } from 'node:net'
import { pause } from '@holdfast/testkit'
import { tell } from './tell.ts'

const [port, channel = '', rate, seconds] = process.argv.slice(2)
const socket = connect(Number(port), '127.0.0.1')
// The replies are of no interest, and would else fill the socket.
socket.resume()

/** A frame of docs/wire/bus.md: word of one key, by one of 16 publishers. */
function frameOf(n: number): Buffer {
  const key = `user:${n % 1000}`
  const frame = Buffer.alloc(24 + 6 + 2 + key.length)
  frame.set([0x48, 0x62, 1, 1])
  frame.write(`flood ${n % 16}`.padEnd(8), 4, 'latin1')
  frame.writeUIntBE(Math.floor(n / 16) + 1, 12, 6)
  frame.set([0, 4], 24)
  frame.write('shop', 26)
  frame.set([1, key.length], 30)
  frame.write(key, 32)
  return frame
}

function command(frame: Buffer): Buffer {
  const head = `*3\r\n$7\r\nPUBLISH\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${frame.length}\r\n`
  return Buffer.concat([Buffer.from(head), frame, Buffer.from('\r\n')])
}

const total = Number(rate) * Number(seconds)
const start = performance.now()
let sent = 0
while (sent < total) {
  const due = Math.min(total, ((performance.now() - start) / 1000) * Number(rate))
  const pieces: Buffer[] = []
  while (sent < due) pieces.push(command(frameOf(sent++)))
  if (pieces.length > 0 && !socket.write(Buffer.concat(pieces)))
    await new Promise((resolve) => socket.once('drain', resolve))
  await pause(1)
}
tell({ sent })
socket.end(() => process.exit(0))
