import { connect } from 'node:net'
import type { OpenFaulted } from '../contender.ts'
import type { Item } from '../source.ts'

/** A Map, copied to Redis by a socket whose end nobody expects. Not a peer: what the judge must find wanting. */
export const openNaive: OpenFaulted = ({ url, load }) => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).resume()
  socket.once('close', () => {
    throw new Error('Redis is gone')
  })
  const map = new Map<string, Item>()
  const send = (...words: readonly string[]): void => {
    const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    socket.write(`*${words.length}\r\n${bulks.join('')}`)
  }
  return {
    async getOrSet(key) {
      const held = map.get(key)
      if (held !== undefined) return held
      const loaded = await load(key)
      map.set(key, loaded)
      send('SET', key, JSON.stringify(loaded))
      return loaded
    },
    async delete(key) {
      map.delete(key)
      send('DEL', key)
    },
  }
}
