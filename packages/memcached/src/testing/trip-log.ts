import { type Connect, connectSocket } from '@holdfast/wire'

const COMMAND = /^(m[gsda]) (\S+)((?: \S+)*)$/
// A name begins with its kind and the length of its namespace.
const KIND = /^([a-z]):\d+:/
const IS_BASE64 = / b(?: |$)/
const BLOCK_SIZE = /^ (\d+)/

/**
 * A way to a server that writes down what it carries. A trip is what is written before anything is heard: whatever waits
 * for a reply belongs to a later one. What is no command on names of ours (statistics, greetings) is left out.
 */
export class TripLog {
  #trips: string[][] = []
  #hasHeard = true

  readonly connect: Connect = (endpoint, listener) => {
    const socket = connectSocket(endpoint, {
      ...listener,
      opened: () => listener.opened(),
      closed: (error) => listener.closed(error),
      data: (chunk) => {
        this.#hasHeard = true
        listener.data(chunk)
      },
    })
    let corked: string | undefined
    return {
      write: (data, encoding) => {
        const text = typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
        if (corked === undefined) this.#take(text)
        else corked += text
        return typeof data === 'string' ? socket.write(data, encoding) : socket.write(data)
      },
      cork: () => {
        corked = ''
        socket.cork()
      },
      uncork: () => {
        this.#take(corked ?? '')
        corked = undefined
        socket.uncork()
      },
      get writableLength() {
        return socket.writableLength
      },
      end: () => socket.end(),
      destroy: () => socket.destroy(),
    }
  }

  /** The trips of this work: verb, kind and flags of each command, e.g. `mg v N2`; flags that only ask are left out. */
  async during(work: () => Promise<unknown>): Promise<readonly (readonly string[])[]> {
    this.#trips = []
    this.#hasHeard = true
    await work()
    return this.#trips
  }

  #take(text: string): void {
    const commands = commandsIn(text)
    if (commands.length === 0) return
    if (this.#hasHeard) this.#trips.push([])
    this.#hasHeard = false
    this.#trips.at(-1)?.push(...commands)
  }
}

function commandsIn(text: string): string[] {
  const commands: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n', at)
    const line = text.slice(at, end < 0 ? undefined : end)
    at = end < 0 ? text.length : end + 2
    const [, verb = '', key = '', rest = ''] = COMMAND.exec(line) ?? []
    const name = IS_BASE64.test(rest) ? Buffer.from(key, 'base64').toString('latin1') : key
    const [, kind] = KIND.exec(name) ?? []
    if (verb === 'ms') at += Number(BLOCK_SIZE.exec(rest)?.[1] ?? 0) + 2
    const flags = (verb === 'ms' ? rest.replace(BLOCK_SIZE, '') : rest).split(' ')
    // What is asked for, the numbers of commands, and values that differ from run to run say nothing.
    const told = flags
      .filter((flag) => /^(?:[NIFM]|C\d|T)/.test(flag))
      .map((flag) => flag.replace(/^([CT])\d+/, '$1'))
    if (kind !== undefined) commands.push([verb, kind, ...told].join(' '))
  }
  return commands
}
