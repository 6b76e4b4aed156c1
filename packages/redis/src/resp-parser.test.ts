import { describe, expect, test } from 'vitest'
import { RespParser } from './resp-parser.ts'
import { RespProtocolError } from './resp-protocol-error.ts'
import { RespError, RespOverlong, type RespValue } from './resp-value.ts'

type Told = { reply: RespValue } | { push: RespValue }

/** What the parser tells of these chunks. Each chunk is destroyed after its read, as the socket's buffer is. */
function tell(parser: RespParser, chunks: readonly Buffer[]): Told[] {
  const told: Told[] = []
  const sink = {
    reply: (reply: RespValue) => void told.push({ reply }),
    push: (push: RespValue) => void told.push({ push }),
  }
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk)
    parser.read(lent, sink)
    lent.fill(0xee)
  }
  return told
}

const parse = (text: string): Told[] => tell(new RespParser(), [Buffer.from(text, 'latin1')])
const bulk = (text: string): Buffer => Buffer.from(text, 'latin1')

const golden: readonly (readonly [wire: string, ...told: Told[]])[] = [
  ['+OK\r\n', { reply: 'OK' }],
  ['+\r\n', { reply: '' }],
  ['+caf\xc3\xa9\r\n', { reply: 'café' }],
  ['-ERR no such thing\r\n', { reply: new RespError('ERR no such thing') }],
  ['-OOM\r\n', { reply: new RespError('OOM') }],
  [':0\r\n', { reply: 0 }],
  [':-0\r\n', { reply: 0 }],
  [':-42\r\n', { reply: -42 }],
  [':9007199254740991\r\n', { reply: 9007199254740991 }],
  [':9007199254740993\r\n', { reply: 9007199254740993n }],
  [':-9223372036854775808\r\n', { reply: -9223372036854775808n }],
  ['$0\r\n\r\n', { reply: bulk('') }],
  ['$-1\r\n', { reply: null }],
  ['_\r\n', { reply: null }],
  ['*-1\r\n', { reply: null }],
  ['#t\r\n', { reply: true }],
  ['#f\r\n', { reply: false }],
  [',1.25\r\n', { reply: 1.25 }],
  [',-10\r\n', { reply: -10 }],
  [',1e-7\r\n', { reply: 1e-7 }],
  [',inf\r\n', { reply: Infinity }],
  [',-inf\r\n', { reply: -Infinity }],
  [',nan\r\n', { reply: NaN }],
  [
    '(3492890328409238509324850943850943825024385\r\n',
    { reply: 3492890328409238509324850943850943825024385n },
  ],
  ['(-1\r\n', { reply: -1n }],
  ['=8\r\ntxt:\xc3\xa9\r\n\r\n', { reply: 'é\r\n' }],
  ['*0\r\n', { reply: [] }],
  ['*3\r\n:1\r\n$1\r\na\r\n$-1\r\n', { reply: [1, bulk('a'), null] }],
  ['*2\r\n*1\r\n*0\r\n*2\r\n+a\r\n*1\r\n:7\r\n', { reply: [[[]], ['a', [7]]] }],
  ['*1\r\n-ERR inside\r\n', { reply: [new RespError('ERR inside')] }],
  ['~2\r\n+a\r\n+b\r\n', { reply: ['a', 'b'] }],
  ['%0\r\n', { reply: new Map() }],
  [
    '%2\r\n$5\r\nfirst\r\n:1\r\n:2\r\n*1\r\n#t\r\n',
    {
      reply: new Map<RespValue, RespValue>([
        ['first', 1],
        [2, [true]],
      ]),
    },
  ],
  ['%1\r\n$2\r\n\xff\x00\r\n_\r\n', { reply: new Map([['\xff\x00', null]]) }],
  ['|1\r\n+ttl\r\n*1\r\n:3600\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n', { reply: [1, 2] }],
  ['|0\r\n:1\r\n', { reply: 1 }],
  [
    '>2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n:1\r\n>2\r\n+x\r\n_\r\n+OK\r\n',
    { push: [bulk('invalidate'), [bulk('key')]] },
    { reply: 1 },
    { push: ['x', null] },
    { reply: 'OK' },
  ],
]

describe('each type', () => {
  test.each(golden.map(([wire, ...told]) => ({ wire, told })))('$wire', ({ wire, told }) => {
    expect(parse(wire)).toEqual(told)
  })

  test('a bulk error keeps its line breaks', () => {
    expect(parse('!23\r\nSYNTAX invalid\r\nsyntax.\r\n')).toEqual([
      { reply: new RespError('SYNTAX invalid\r\nsyntax.') },
    ])
  })

  test('a bulk may hold bytes that look like protocol', () => {
    const inside = '\x00\xff\r\n$3\r\n*1\n+OK\r\n'
    expect(parse(`$${inside.length}\r\n${inside}\r\n`)).toEqual([{ reply: bulk(inside) }])
  })

  test('-0 is 0', () => {
    const [told] = parse(':-0\r\n')
    expect(told !== undefined && 'reply' in told && Object.is(told.reply, 0)).toBe(true)
  })
})

describe('chunks', () => {
  test('every reply is the same when split at any one byte, and when it comes byte by byte', () => {
    for (const [text, ...told] of golden) {
      const wire = Buffer.from(`${text}${text}`, 'latin1')
      const twice = [...told, ...told]
      for (let at = 1; at < wire.length; at++) {
        expect(tell(new RespParser(), [wire.subarray(0, at), wire.subarray(at)])).toEqual(twice)
      }
      const bytes = Array.from(wire, (_, i) => wire.subarray(i, i + 1))
      expect(tell(new RespParser(), bytes)).toEqual(twice)
    }
  })

  test('a bulk of many chunks is put together in one buffer', () => {
    const value = Buffer.alloc(1_000_003, 'abcdefg')
    const wire = Buffer.concat([Buffer.from(`*2\r\n$${value.length}\r\n`), value, Buffer.from('\r\n:1\r\n')])
    const chunks = Array.from({ length: Math.ceil(wire.length / 65_536) }, (_, i) =>
      wire.subarray(i * 65_536, (i + 1) * 65_536),
    )
    const [told] = tell(new RespParser(), chunks)
    const reply = told !== undefined && 'reply' in told ? told.reply : undefined
    expect(
      Array.isArray(reply) && Buffer.isBuffer(reply[0]) && reply[0].equals(value) && reply[1] === 1,
    ).toBe(true)
  })

  test('a reply is told as soon as its last byte is there', () => {
    const parser = new RespParser()
    expect(tell(parser, [bulk('$3\r\nabc\r')])).toEqual([])
    expect(tell(parser, [bulk('\n+next')])).toEqual([{ reply: bulk('abc') }])
    expect(tell(parser, [bulk('\r\n')])).toEqual([{ reply: 'next' }])
  })
})

describe('a bulk that is too long to be kept', () => {
  const long = Array.from({ length: 200 }, (_, i) => String.fromCharCode(i)).join('')
  const overlong = new RespOverlong(200, bulk(long.slice(0, 64)))
  const wire = `+a\r\n$200\r\n${long}\r\n*3\r\n$100\r\n${long.slice(0, 100)}\r\n$200\r\n${long}\r\n:1\r\n$1\r\nb\r\n`
  const told = [
    { reply: 'a' },
    { reply: overlong },
    { reply: [bulk(long.slice(0, 100)), overlong, 1] },
    { reply: bulk('b') },
  ]

  test('is told by its length and its head, in its place, however it is cut', () => {
    const bytes = bulk(wire)
    for (let at = 0; at < bytes.length; at++) {
      const parser = new RespParser({ keptBytesMax: 100 })
      expect(tell(parser, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(told)
    }
    const each = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
    expect(tell(new RespParser({ keptBytesMax: 100 }), each)).toEqual(told)
  })

  test('is told as soon as its head is there', () => {
    const parser = new RespParser({ keptBytesMax: 100 })
    expect(tell(parser, [bulk('$1000000\r\n'), bulk('x'.repeat(63))])).toEqual([])
    const head = bulk('x'.repeat(64))
    expect(tell(parser, [bulk('x')])).toEqual([{ reply: new RespOverlong(1_000_000, head) }])
    expect(tell(parser, [bulk('x'.repeat(999_936)), bulk('\r\n+next\r\n')])).toEqual([{ reply: 'next' }])
  })

  test('costs no memory, and must end as announced', () => {
    const parser = new RespParser({ keptBytesMax: 100 })
    const before = process.memoryUsage().arrayBuffers
    tell(parser, [bulk('$500000000\r\n')])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024)
    const damaged = `$200\r\n${long}x`
    expect(() => tell(new RespParser({ keptBytesMax: 100 }), [bulk(damaged)])).toThrow(RespProtocolError)
  })
})

describe('bounds and damage', () => {
  const refused = [
    'hello\r\n',
    '\r\n',
    '+a\n',
    '-\n',
    ':\r\n',
    ':1x\r\n',
    ':1.5\r\n',
    ':--1\r\n',
    ':1\rx',
    ':12345678901234567890\r\n',
    '$-2\r\n',
    '$3\r\nabcd\r\n',
    '$3\r\nabc\rx',
    '$?\r\n',
    '*?\r\n',
    '%-1\r\n',
    '~-1\r\n',
    '*-2\r\n',
    '!-1\r\n',
    '=-1\r\n',
    '=2\r\nab\r\n',
    '=4\r\ntxtx\r\n',
    '_x\r\n',
    '#x\r\n',
    '#\r\n',
    ',\r\n',
    ',0x10\r\n',
    ',constructor\r\n',
    '(1.5\r\n',
    '(\r\n',
    '*1\r\n>1\r\n+a\r\n',
    '$536870913\r\n',
    '*1048577\r\n',
    '*1\r\n'.repeat(17),
    `+${'x'.repeat(65_537)}`,
    `+${'x'.repeat(65_537)}\r\n`,
  ]

  test.each(refused)('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(RespProtocolError)
    const bytes = Array.from(Buffer.from(text, 'latin1'), (byte) => Buffer.of(byte))
    expect(() => tell(new RespParser(), text.length < 1000 ? bytes : [bulk(text)])).toThrow(RespProtocolError)
  })

  test('16 levels are read', () => {
    expect(parse(`${'*1\r\n'.repeat(16)}:1\r\n`).length).toBe(1)
  })

  test('the bound of a bulk is checked before memory is taken', () => {
    const parser = new RespParser({ bulkBytesMax: 10 })
    expect(tell(parser, [bulk('$10\r\n0123456789\r\n')]).length).toBe(1)
    expect(() => tell(parser, [bulk('$11\r\n')])).toThrow('a bulk of 11 bytes, above the bound of 10')
  })

  test('an announced million of elements takes no memory before they come', () => {
    const before = process.memoryUsage().heapUsed
    const parsers = Array.from({ length: 100 }, () => {
      const parser = new RespParser()
      tell(parser, [bulk('*1048576\r\n'.repeat(16))])
      return parser
    })
    expect(parsers.length).toBe(100)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1024 * 1024)
  })
})
