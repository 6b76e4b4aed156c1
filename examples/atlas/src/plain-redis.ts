import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** The three commands that the article's cache-aside sends. */
export interface PlainRedis {
  get(key: string): Promise<string | null>
  setex(key: string, seconds: number, value: string): Promise<void>
  del(key: string): Promise<void>
  close(): void
}

interface Waiting {
  resolve(reply: string | null): void
  reject(reason: Error): void
}

const PORT_DEFAULT = 6379

/**
 * One connection that speaks just enough RESP2 for the hand-written side of the demonstrations, so that they need
 * no other client: commands are pipelined and answered in order; no reconnection, no deadline.
 */
export function connectPlainRedis(address: string): PlainRedis {
  const url = new URL(address)
  const where = { host: url.hostname, port: Number(url.port || PORT_DEFAULT) }
  const socket =
    url.protocol === 'rediss:' ? connectTls({ ...where, servername: url.hostname }) : connect(where)
  const waiting: Waiting[] = []
  let rest = ''
  const fail = (reason: Error): void => {
    for (const { reject } of waiting.splice(0)) reject(reason)
  }
  // latin1 keeps one character a byte, as lengths in RESP count bytes; values are encoded on their way in.
  socket.setEncoding('latin1').setNoDelay(true)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection to Redis was closed')))
  socket.on('data', (chunk: string) => {
    rest = settleReplies(rest + chunk, waiting)
  })
  const send = (...args: readonly string[]): Promise<string | null> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      socket.write(encodeCommand(args))
    })
  greet(url, send)
  return {
    get: (key) => send('GET', key),
    setex: async (key, seconds, value) => void (await send('SETEX', key, String(seconds), value)),
    del: async (key) => void (await send('DEL', key)),
    close: () => socket.destroy(),
  }
}

function greet(url: URL, send: (...args: readonly string[]) => Promise<unknown>): void {
  const user = url.username === '' ? [] : [decodeURIComponent(url.username)]
  // A refusal shows at the first command that is awaited.
  if (url.password !== '') send('AUTH', ...user, decodeURIComponent(url.password)).catch(() => {})
  const database = url.pathname.slice(1)
  if (database !== '') send('SELECT', database).catch(() => {})
}

function encodeCommand(args: readonly string[]): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`)
  return `*${args.length}\r\n${parts.join('')}`
}

/** Settles what is complete in `text`, in order, and answers the rest. */
function settleReplies(text: string, waiting: Waiting[]): string {
  let at = 0
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return text.slice(at)
    const line = text.slice(at + 1, lineEnd)
    const bulkLength = text[at] === '$' ? Number(line) : -1
    const end = bulkLength < 0 ? lineEnd + 2 : lineEnd + 2 + bulkLength + 2
    if (end > text.length) return text.slice(at)
    const first = waiting.shift()
    if (text[at] === '-') first?.reject(new Error(line))
    else if (text[at] !== '$') first?.resolve(line)
    else first?.resolve(bulkLength < 0 ? null : decode(text.slice(lineEnd + 2, end - 2)))
    at = end
  }
}

function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
