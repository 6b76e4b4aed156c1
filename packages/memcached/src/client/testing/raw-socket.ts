import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends these bytes on a connection of their own, and gives the server's answer up to the `MN` of an `mn` behind them. */
export async function rawAnswer(port: number, sent: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
    if (answer.endsWith('MN\r\n')) socket.destroy()
  })
  socket.write(`${sent}mn\r\n`, 'latin1')
  await once(socket, 'close')
  return answer.slice(0, -'MN\r\n'.length)
}
