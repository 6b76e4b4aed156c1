import { describe, expect, test } from 'vitest'
import { MetaProtocolError } from './meta-protocol-error.ts'
import type { MetaReply } from './meta-reply.ts'
import { describeReply, type Feeding, feed } from './testing/feed.ts'
import { goldenExchanges } from './testing/golden-exchanges.ts'

const read = (wire: string, feeding: Feeding = {}): string[] => feed(wire, feeding).map(describeReply)

/** What the golden replies mean, by the title of their exchange. */
const MEANINGS: Readonly<Record<string, readonly string[]>> = {
  'a miss bears its number': ['EN #12', 'NF #13', 'MN'],
  'a lease is won once, and lost by everybody else': [
    'VA 0: cas 3 won #1',
    'VA 0: cas 3 lost #2',
    'VA 0: lost #3',
  ],
  'a value is stored, kept from a second adder, and comes back with what was asked for': [
    'HD cas 3 #1',
    'NS #2',
    'VA 5:hello cas 3 flags 7 ttl -1 #3',
  ],
  'a stale mark is won once, and the value is still there': [
    'HD #1',
    'HD #2',
    'VA 2:v1 won stale #3',
    'VA 2:v1 stale lost #4',
  ],
  'another cas is not stored over': ['HD #1', 'EX #2', 'EX #3', 'HD #4', 'NF #5'],
  'a key of any bytes is base64': ['HD #1', 'VA 2:hi #2'],
  'a batch keeps quiet about what is done and what is missing': ['VA 1:1 #3', 'NF #5', 'MN'],
  'a counter is made, and counted': ['VA 3:100 #1', 'VA 3:101 #2'],
  'a lease bears the cas that its winner chose, and another one does not fill it': [
    'VA 0: cas 7777001 won #1',
    'VA 0: cas 7777001 lost #2',
    'EX #3',
    'HD cas 9 #4',
    'VA 1:y cas 9 #5',
  ],
  'a token is minted by whoever reads it first, as a cas of 64 bits and no value': [
    'HD cas 18446744073709551614 won #1',
    'HD cas 18446744073709551614 lost #2',
    'HD #3',
    'HD cas 6 #4',
  ],
  'the write of an older version is stored as stale': ['HD #1', 'HD #2', 'VA 3:old cas 103 won stale #3'],
  'a value that has not changed is not sent': ['HD #1', 'HD cas 29 #2', 'VA 3:abc cas 29 #3'],
}

describe('golden replies', () => {
  test.each(goldenExchanges)('$title ($needs)', ({ title, got }) => {
    expect(read(got.replaceAll('c#', 'c3'))).toEqual(MEANINGS[title])
  })

  test('all of them, cut in two at every byte, lent or owned', () => {
    const wire = goldenExchanges.map(({ got }) => got.replaceAll('c#', 'c3')).join('')
    const meant = goldenExchanges.flatMap(({ title }) => MEANINGS[title] ?? [])
    for (let at = 1; at < wire.length; at++) {
      for (const borrows of [false, true])
        expect(read(wire, { sizes: [at, Infinity], borrows })).toEqual(meant)
    }
    expect(read(wire, { sizes: [1] })).toEqual(meant)
  })
})

describe('classic replies', () => {
  test.each([
    ['VERSION 1.6.18\r\n', ['VERSION "1.6.18"']],
    ['STAT pid 7\r\nSTAT empty \r\nEND\r\n', ['STAT "pid 7"', 'STAT "empty "', 'END']],
    ['OK\r\nSTORED\r\nRESET\r\n', ['OK', 'STORED', 'RESET']],
    [
      'ME k exp=-1 la=0 cas=1 fetch=no cls=1 size=63\r\n',
      ['ME "k exp=-1 la=0 cas=1 fetch=no cls=1 size=63"'],
    ],
    ['ERROR\r\nERROR no such thing\r\n', ['ERROR', 'ERROR "no such thing"']],
    ['CLIENT_ERROR bad data chunk\r\n', ['CLIENT_ERROR "bad data chunk"']],
    ['SERVER_ERROR out of memory storing object\r\n', ['SERVER_ERROR "out of memory storing object"']],
  ])('%j', (wire, meant) => {
    expect(read(wire)).toEqual(meant)
    expect(read(wire, { sizes: [1] })).toEqual(meant)
  })
})

describe('values', () => {
  test('may hold anything, lines of the protocol too', () => {
    const value = 'END\r\nVA 1 O9\r\nx\r\n\0\xff'
    expect(read(`VA ${value.length} O1\r\n${value}\r\nEN O2\r\n`, { sizes: [5] })).toEqual([
      `VA ${value.length}:${value} #1`,
      'EN #2',
    ])
  })

  test('that are lent are views into the chunk, or their own where they came in several', () => {
    const wire = Buffer.from('VA 3 O1\r\nabc\r\n')
    const [whole] = feed(wire, { borrows: false })
    expect(whole?.value?.toString()).toBe('abc')
    const [cut] = feed(wire, { borrows: true, sizes: [10] })
    expect(cut?.value?.toString()).toBe('abc')
  })

  test('longer than the bound are passed over, in any number of chunks, and nothing of them is kept', () => {
    const wire = `VA 9 c5 O1\r\n123456789\r\nVA 8 O2\r\n12345678\r\n`
    for (const size of [1, 2, 7, 13, 100]) {
      expect(read(wire, { sizes: [size], keptBytesMax: 8 })).toEqual([
        'VA 9:passed over cas 5 #1',
        'VA 8:12345678 #2',
      ])
    }
  })
})

describe('what is no Memcached', () => {
  test.each([
    ['VA 3 O1\r\nabcdef\r\n', 'a value that ends without CRLF'],
    ['VA 3 O1\r\nabc\r\r\n', 'a value that ends without CRLF'],
    ['VA O1\r\n', 'a number that is none'],
    ['VA -1 O1\r\n', 'a number that is none'],
    ['VA 9999999999999999 O1\r\n', 'a number that is none'],
    ['HD Ox\r\n', 'a number that is none'],
    ['HD c\r\n', 'a number that is none'],
    ['HD c123456789012345678901\r\n', 'a number that is none'],
    ['HD O1x\r\n', 'a line that is no list of flags'],
    ['HD W1\r\n', 'a line that is no list of flags'],
    ['HD\rx', 'a line that ends without CRLF'],
    ['VERSION 1\n', 'a line that ends without CRLF'],
    ['\n', 'a line that ends without CRLF'],
    ['\0\n', 'a line that ends without CRLF'],
    [`HD k${'x'.repeat(9000)}`, 'a line that is too long'],
    [`STAT ${'x'.repeat(9000)}`, 'a line that is too long'],
    [
      '-ERR unknown command\r\n',
      'the answer begins with "-ERR", which is not the Memcached protocol: is this a Memcached?',
    ],
    [
      'HTTP/1.1 400 Bad Request\r\n',
      'the answer begins with "HTTP/1.1", which is not the Memcached protocol: is this a Memcached?',
    ],
    [
      'VALUE k 0 1\r\n',
      'the answer begins with "VALUE", which is not the Memcached protocol: is this a Memcached?',
    ],
    ['\r\n', 'the answer begins with "", which is not the Memcached protocol: is this a Memcached?'],
  ])('%j', (wire, message) => {
    expect(() => read(wire)).toThrow(new MetaProtocolError(message))
    expect(() => read(wire, { sizes: [1] })).toThrow(MetaProtocolError)
  })

  test.each(['ERROR', 'CLIENT_ERROR bad data chunk'])(
    'after %s the connection ends, when it was told',
    (line) => {
      const replies: MetaReply[] = []
      const reading = (): unknown => feed(`HD O1\r\n${line}\r\nERROR\r\n`, { takesErrors: false, replies })
      expect(reading).toThrow(/nobody knows/)
      expect(replies.map(({ code }) => code)).toEqual(['HD', line.split(' ')[0]])
    },
  )
})
