import { connect } from 'node:net'
import { after, nowMs } from './clock.ts'
import type { Effort, Numbers } from './row.ts'

// As much as our own client reads at once where much waits.
const READ_BYTES = 256 * 1024

/**
 * What a server and the kernel can give a process at most: commands that were prepared before, sent as soon as as many
 * replies have come, which are counted by their bytes and not read. All values are of one size.
 */
export async function bareMemcachedGets(
  port: number,
  keys: readonly string[],
  valueBytes: number,
  inFlight: number,
  effort: Effort,
): Promise<Numbers> {
  const command = (key: string, i: number): string => `mg ${key} v O${100_000 + i}\r\n`
  const commands = Buffer.from(keys.map(command).join(''))
  const starts = [0]
  for (const [i, key] of keys.entries()) starts.push((starts[i] ?? 0) + command(key, i).length)
  const replyBytes = `VA ${valueBytes} O100000\r\n`.length + valueBytes + 2
  let next = 0
  let bytes = 0
  let replies = 0

  function send(count: number): void {
    for (let left = count; left > 0; ) {
      const to = Math.min(keys.length, next + left)
      socket.write(commands.subarray(starts[next], starts[to]))
      left -= to - next
      next = to % keys.length
    }
  }

  const { promise, reject } = Promise.withResolvers<never>()
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback(length: number): boolean {
      bytes += length
      const complete = Math.floor(bytes / replyBytes)
      bytes -= complete * replyBytes
      replies += complete
      send(complete)
      return true
    },
  }
  const socket = connect({ host: '127.0.0.1', port, onread })
  socket.setNoDelay(true)
  socket.once('error', reject)
  socket.once('connect', () => send(inFlight))
  const pause = (ms: number): Promise<void> =>
    Promise.race([new Promise<void>((done) => void after(ms, done)), promise])
  try {
    await pause(effort.warmUpMs)
    const [startedAt, cpuBefore, before] = [nowMs(), process.cpuUsage(), replies]
    await pause(effort.measureMs)
    const { user, system } = process.cpuUsage(cpuBefore)
    const calls = replies - before
    return { opsPerSecond: (calls / (nowMs() - startedAt)) * 1000, cpuMicros: (user + system) / calls }
  } finally {
    socket.destroy()
  }
}
