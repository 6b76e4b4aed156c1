import { describe, expect, test } from 'vitest'
import type { Moment } from './bus-rules.ts'
import type { FrameKind } from './frame.ts'
import { Peers } from './peers.ts'
import type { ReadFrame } from './read-frame.ts'

const DELTA_MS = 900
const EVERY_MS = DELTA_MS / 3
const at = (ms: number): Moment => ({ at: ms, wall: ms })
const T = at(0)

function frame(kind: FrameKind, number: number, beat: number, publisher = 'p'): ReadFrame {
  return { kind, publisher, number, beat, everyMs: kind === 'beat' ? EVERY_MS : 0, bodyEnd: 24 }
}

type Spoken = readonly (readonly [FrameKind, number: number, beat: number])[]

/** How each of these frames was heard, one after the other. */
function heard(frames: Spoken): string[] {
  const peers = new Peers()
  return frames.map(([kind, number, beat]) => peers.hear(frame(kind, number, beat), T))
}

describe('numbers', () => {
  test.each<[string, Spoken, string[]]>([
    [
      'a newcomer, from its first beat on',
      [
        ['beat', 0, 1],
        ['changes', 1, 1],
        ['beat', 1, 2],
        ['changes', 2, 2],
      ],
      ['news', 'news', 'news', 'news'],
    ],
    [
      'a newcomer whose first word is a change',
      [
        ['changes', 1, 0],
        ['beat', 1, 1],
      ],
      ['news', 'news'],
    ],
    [
      'one who has spoken before',
      [
        ['beat', 1, 9],
        ['beat', 1, 10],
      ],
      ['stranger', 'news'],
    ],
    [
      'one who has spoken before, by a change',
      [
        ['changes', 2, 9],
        ['changes', 3, 9],
      ],
      ['stranger', 'news'],
    ],
    [
      'a change that is missing',
      [
        ['beat', 0, 1],
        ['changes', 2, 1],
        ['changes', 3, 1],
      ],
      ['news', 'gap', 'news'],
    ],
    [
      'a change that a beat tells of',
      [
        ['beat', 0, 1],
        ['beat', 1, 2],
        ['changes', 2, 2],
      ],
      ['news', 'gap', 'news'],
    ],
    [
      'a change that a goodbye tells of',
      [
        ['beat', 0, 1],
        ['goodbye', 1, 1],
      ],
      ['news', 'gap'],
    ],
    [
      'a beat that is missing',
      [
        ['beat', 0, 1],
        ['beat', 0, 5],
      ],
      ['news', 'news'],
    ],
    [
      'frames that come twice',
      [
        ['changes', 1, 1],
        ['changes', 1, 1],
        ['beat', 1, 2],
        ['beat', 1, 2],
      ],
      ['news', 'old', 'news', 'old'],
    ],
    [
      'frames that come late',
      [
        ['changes', 1, 1],
        ['changes', 3, 1],
        ['changes', 2, 1],
        ['beat', 3, 1],
      ],
      ['news', 'gap', 'old', 'old'],
    ],
    [
      'frames that contradict each other',
      [
        ['changes', 9, 9],
        ['changes', 8, 10],
        ['changes', 10, 9],
      ],
      ['stranger', 'gap', 'gap'],
    ],
  ])('%s', (_, frames, outcomes) => {
    expect(heard(frames)).toEqual(outcomes)
  })

  test('each publisher has his own', () => {
    const peers = new Peers()
    expect(peers.hear(frame('changes', 1, 1, 'a'), T)).toBe('news')
    expect(peers.hear(frame('changes', 1, 1, 'b'), T)).toBe('news')
    expect(peers.hear(frame('changes', 2, 1, 'a'), T)).toBe('news')
    expect(peers.size).toBe(2)
    peers.hear(frame('goodbye', 2, 1, 'a'), T)
    expect(peers.size).toBe(1)
  })
})

describe('silence', () => {
  const listen = (peers: Peers, times: number): void => {
    for (let i = 0; i < times; i++) peers.listened(EVERY_MS, EVERY_MS)
  }

  test('is measured in the time in which own beats came back', () => {
    const peers = new Peers()
    peers.hear(frame('beat', 0, 1), T)
    listen(peers, 3)
    expect(peers.dropSilent(DELTA_MS)).toBe(0)
    // An hour without one counts as one.
    peers.listened(3_600_000, EVERY_MS)
    expect(peers.dropSilent(DELTA_MS)).toBe(1)
    expect([peers.size, [...peers.moments()]]).toEqual([0, []])
  })

  test('is no loss where nothing was said in it, and one where something was', () => {
    for (const [number, outcome] of [
      [4, 'news'],
      [5, 'gap'],
    ] as const) {
      const peers = new Peers()
      peers.hear(frame('beat', 4, 1), T)
      listen(peers, 4)
      peers.dropSilent(DELTA_MS)
      expect(peers.hear(frame('beat', number, 9), at(1))).toBe(outcome)
      expect([...peers.moments()]).toEqual([at(1)])
    }
  })

  test('then an old frame is that of a stranger: who knows what he has said meanwhile', () => {
    const peers = new Peers()
    peers.hear(frame('beat', 4, 5), T)
    listen(peers, 4)
    peers.dropSilent(DELTA_MS)
    expect(peers.hear(frame('changes', 3, 4), T)).toBe('stranger')
  })

  test('of one whose Δ is longer is given its time, up to ten of ours', () => {
    const peers = new Peers()
    peers.hear({ ...frame('beat', 0, 1, 'slow'), everyMs: 2 * DELTA_MS }, T)
    peers.hear({ ...frame('beat', 0, 1, 'forged'), everyMs: 2 ** 32 - 1 }, T)
    listen(peers, 3 * 6)
    expect(peers.dropSilent(DELTA_MS)).toBe(0)
    listen(peers, 1)
    expect(peers.dropSilent(DELTA_MS)).toBe(1)
    listen(peers, 3 * 4)
    expect(peers.dropSilent(DELTA_MS)).toBe(1)
  })

  test('a new connection begins anew', () => {
    const peers = new Peers()
    peers.hear(frame('beat', 0, 1), T)
    listen(peers, 3)
    peers.restart(at(5))
    listen(peers, 3)
    expect(peers.dropSilent(DELTA_MS)).toBe(0)
    expect([...peers.moments()]).toEqual([at(5)])
  })
})

test('moments: when each of those that are counted on was last heard', () => {
  const peers = new Peers()
  const moments = (): Moment[] => [...peers.moments()]
  peers.hear(frame('beat', 0, 1, 'a'), at(1))
  const second = at(2)
  peers.hear(frame('beat', 0, 1, 'b'), second)
  peers.hear(frame('beat', 0, 1, 'c'), second)
  expect(moments()).toEqual([at(1), at(2)])
  const { proofs } = peers
  peers.hear(frame('beat', 0, 2, 'b'), second)
  expect(peers.proofs).toBe(proofs)
  peers.hear(frame('beat', 0, 2, 'a'), second)
  expect([moments(), peers.proofs > proofs]).toEqual([[at(2)], true])
  peers.hear(frame('beat', 0, 3, 'b'), at(3))
  peers.hear(frame('goodbye', 0, 2, 'c'), at(3))
  expect(moments()).toEqual([at(2), at(3)])
  peers.hear(frame('goodbye', 0, 2, 'a'), at(3))
  expect(moments()).toEqual([at(3)])
})

test('beyond their bound somebody who was counted on has to go, which is a gap', () => {
  const peers = new Peers()
  for (let i = 0; i < 4096; i++) expect(peers.hear(frame('beat', 0, 1, `p${i}`), T)).toBe('news')
  expect(peers.hear(frame('beat', 0, 1, 'one more'), T)).toBe('gap')
  expect(peers.size).toBe(4096)
  for (let i = 0; i < 4; i++) peers.listened(EVERY_MS, EVERY_MS)
  expect(peers.dropSilent(DELTA_MS)).toBe(4096)
  // Those that have vanished go first, and nobody misses them.
  expect(peers.hear(frame('beat', 0, 1, 'and another'), T)).toBe('news')
})
