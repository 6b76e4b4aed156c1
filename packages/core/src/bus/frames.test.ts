import { describe, expect, test } from 'vitest'
import type { Change, FrameHead } from './frame.ts'
import { FrameSignature } from './frame-signature.ts'
import { readChanges, readFrame } from './read-frame.ts'
import { ChangesWriter, writeBeat, writeGoodbye } from './write-frame.ts'

const HEAD: FrameHead = { publisher: '\0\x01PUBL\xfe\xff', number: 2 ** 48 - 1, beat: 513 }
const SIGNATURE = new FrameSignature('0123456789abcdef', 'shop')

function changesOf(
  frame: Uint8Array,
  signature?: FrameSignature,
): { changes: Change[]; isWhole: boolean } | string {
  const bytes = Buffer.from(frame)
  const read = readFrame(bytes, signature)
  if (typeof read === 'string') return read
  const changes: Change[] = []
  const isWhole = readChanges(bytes, read.bodyEnd, (change) => changes.push(change))
  return { changes, isWhole }
}

function written(add: (writer: ChangesWriter) => void, signature?: FrameSignature): Uint8Array {
  const writer = new ChangesWriter(signature)
  add(writer)
  return writer.finish(HEAD)
}

describe('a frame', () => {
  // docs/wire/bus.md: whoever changes these bytes changes the format.
  test.each([
    [
      'a beat',
      writeBeat(HEAD, 333.4, undefined),
      '4862 01 00 00015055424cfeff ffffffffffff 000000000201 0000014e',
    ],
    ['a goodbye', writeGoodbye(HEAD, undefined), '4862 01 02 00015055424cfeff ffffffffffff 000000000201'],
    [
      'changes',
      written((writer) => {
        writer.add('shop', 'key', 'k')
        writer.add('shop', 'tag', 'é')
        writer.add('shop/x', 'everything', '')
      }),
      '4862 01 01 00015055424cfeff ffffffffffff 000000000201 00 04 73686f70 01 01 6b 02 02 c3a9 00 06 73686f702f78 03',
    ],
    [
      'a beat that is signed',
      writeBeat(HEAD, 333.4, SIGNATURE),
      '4862 01 80 00015055424cfeff ffffffffffff 000000000201 0000014e SIGNED',
    ],
  ])('of %s has these bytes', (_, frame, hex) => {
    const body = Buffer.from(frame).toString('hex')
    const signature = body.slice(-32)
    expect(body).toBe(hex.replaceAll(' ', '').replace('SIGNED', signature))
  })

  test('says who published it, and which numbers he has used', () => {
    const beat = Buffer.from(writeBeat(HEAD, 333.4, undefined))
    expect(readFrame(beat, undefined)).toEqual({ ...HEAD, kind: 'beat', everyMs: 334, bodyEnd: 28 })
    const goodbye = Buffer.from(writeGoodbye(HEAD, SIGNATURE))
    expect(readFrame(goodbye, SIGNATURE)).toEqual({ ...HEAD, kind: 'goodbye', everyMs: 0, bodyEnd: 24 })
  })

  test('keeps names of any kind, those that follow each other together', () => {
    const names = [
      '',
      'k',
      '\0',
      'a\r\nb',
      '日本',
      '😀',
      'x'.repeat(127),
      'x'.repeat(128),
      'x'.repeat(20_000),
    ]
    const frame = written((writer) => {
      for (const name of names) writer.add('shop', 'key', name)
      writer.add('shop', 'tag', 'k')
      writer.add('other', 'key', 'k')
      writer.add('other', 'everything', '')
      writer.add('shop', 'key', 'k')
    })
    expect(changesOf(frame)).toEqual({
      isWhole: true,
      changes: [
        { kind: 'keys', namespace: 'shop', names },
        { kind: 'tags', namespace: 'shop', names: ['k'] },
        { kind: 'keys', namespace: 'other', names: ['k'] },
        { kind: 'namespace', namespace: 'other' },
        { kind: 'keys', namespace: 'shop', names: ['k'] },
      ],
    })
  })

  test('takes a name once, and is full before it is too long', () => {
    const writer = new ChangesWriter(SIGNATURE)
    for (let i = 0; i < 1000; i++) expect(writer.add('shop', 'key', 'same')).toBe(true)
    let added = 1
    while (writer.add('shop', 'key', `${added}`.padStart(100, '0'))) added++
    const frame = writer.finish(HEAD)
    expect(frame.length).toBeLessThanOrEqual(65_536)
    expect(frame.length).toBeGreaterThan(65_536 - 102)
    const read = changesOf(frame, SIGNATURE)
    expect(read).toMatchObject({ isWhole: true })
    if (typeof read !== 'string')
      expect(read.changes.flatMap((change) => ('names' in change ? change.names : []))).toHaveLength(added)
  })
})

describe('what is no frame (B37)', () => {
  const beat = Buffer.from(writeBeat(HEAD, 333, undefined))
  const changed = (at: number, byte: number): Buffer => {
    const copy = Buffer.from(beat)
    copy[at] = byte
    return copy
  }
  test.each([
    ['nothing', Buffer.alloc(0), 'garbage'],
    ['text', Buffer.from('invalidate user:1 please, thank you very much'), 'garbage'],
    ['a beat that is cut', beat.subarray(0, 27), 'garbage'],
    ['a head that is cut', beat.subarray(0, 23), 'garbage'],
    ['an unknown kind', changed(3, 3), 'garbage'],
    ['format 0', changed(2, 0), 'garbage'],
    ['a later format', changed(2, 2), 'newer'],
    [
      'a later format of an unknown kind',
      Buffer.concat([Buffer.from([0x48, 0x62, 9, 77]), Buffer.alloc(100)]),
      'newer',
    ],
    ['one that says it is signed, and is too short for it', changed(3, 0x80), 'garbage'],
  ])('%s', (_, bytes, what) => {
    expect(readFrame(bytes, undefined)).toBe(what)
  })

  test.each([
    ['a name without a namespace', [1, 1, 0x6b], []],
    ['a whole namespace without its name', [3], []],
    ['an unknown record', [0, 1, 0x6e, 1, 1, 0x6b, 4], ['k']],
    ['a name that is longer than the frame', [0, 1, 0x6e, 1, 1, 0x6b, 1, 2, 0x6b], ['k']],
    ['a length without an end', [0, 1, 0x6e, 1, 0xff, 0xff, 0xff, 0xff], []],
    ['a record without a length', [0, 1, 0x6e, 1], []],
  ])('a frame with %s is damaged', (_, body, names) => {
    const head = Buffer.from(writeGoodbye(HEAD, undefined))
    head[3] = 1
    const read = changesOf(Buffer.concat([head, Buffer.from(body)]))
    expect(read).toMatchObject({ isWhole: false })
    if (typeof read !== 'string')
      expect(read.changes.flatMap((change) => ('names' in change ? change.names : []))).toEqual(names)
  })
})

describe('a signature', () => {
  const signed = Buffer.from(written((writer) => void writer.add('shop', 'key', 'k'), SIGNATURE))
  const unsigned = Buffer.from(written((writer) => void writer.add('shop', 'key', 'k')))

  test('is asked for by whoever has the secret, of every byte and this topic', () => {
    expect(changesOf(signed, SIGNATURE)).toMatchObject({ isWhole: true })
    expect(changesOf(unsigned, SIGNATURE)).toBe('unsigned')
    expect(changesOf(signed, new FrameSignature('0123456789abcdef', 'shop2'))).toBe('unsigned')
    expect(changesOf(signed, new FrameSignature('0123456789abcdeg', 'shop'))).toBe('unsigned')
    for (let at = 2; at < signed.length; at++) {
      const forged = Buffer.from(signed)
      forged[at] = (forged[at] ?? 0) ^ 1
      expect(changesOf(forged, SIGNATURE), `byte ${at}`).toBe('unsigned')
    }
  })

  test('is passed over by whoever has none', () => {
    expect(changesOf(signed)).toEqual(changesOf(unsigned))
  })
})
