import type { RedisServer } from '@holdfast/testkit'
import { pause } from '../../clock.ts'
import { ANSWER_MS, LOADER_MS } from '../bounds.ts'
import type { FaultRow } from '../fault-row.ts'
import { atLeast, atMost, type Finding, holds, inTime, right } from '../judge.ts'

const SETTLE_MS = 200

export const full: FaultRow = {
  id: 'F23',
  fault: 'Redis full (noeviction)',
  promise: `hits of L2 and deletes work; a cold key is answered ≤ ${ANSWER_MS} ms and held by L1; failed writes are told of`,
  async play(stage) {
    const writer = await stage.readyOtherNode('v1', LOADER_MS)
    await writer.call(['stored', 'doomed'])
    const node = await stage.readyNode('v1', LOADER_MS)
    await stage.server.cli('CONFIG', 'SET', 'maxmemory', '1')
    const before = await node.facts()
    const hit = await node.call(['stored'])
    const cold = await node.call(['cold'])
    const again = await node.call(['cold'])
    const deleted = await node.delete(['doomed'])
    // What is written behind the answer fails behind it.
    await pause(SETTLE_MS)
    const after = await node.facts()
    const isGone = !(await stage.isStored('doomed', 'v1'))
    const loads = after.loads - before.loads
    return [
      inTime('cold', cold, ANSWER_MS),
      stage.ifAble('L1', () => atMost('loads of 3 reads', loads, 1)),
      atLeast('told', after.told - before.told, 1),
      holds(isGone, 'the deleted key is still there'),
      inTime('delete', deleted, ANSWER_MS),
      right('hit', hit, 'v1'),
      right('cold', cold, 'v1'),
      right('again', again, 'v1'),
    ]
  },
}

const GARBAGE: readonly (readonly [what: string, spoil: Spoil])[] = [
  ['garbled', (server, name) => server.cli('SET', name, '\u0000}{ not an entry', 'KEEPTTL')],
  ['truncated', async (server, name) => server.cli('SET', name, await firstHalf(server, name), 'KEEPTTL')],
  [
    'of another type',
    async (server, name) => {
      await server.cli('UNLINK', name)
      await server.cli('LPUSH', name, 'a list')
    },
  ],
]

export const garbled: FaultRow = {
  id: 'F31',
  fault: 'an entry in Redis is garbled, truncated, or of another type',
  promise: `the loader answers ≤ ${ANSWER_MS} ms and the entry is mended; other keys still hit`,
  async play(stage) {
    const writer = await stage.readyOtherNode('v1', LOADER_MS)
    await writer.call(['sound', ...GARBAGE.map(([what]) => `spoiled ${what}`)])
    const node = await stage.readyNode('v2', LOADER_MS)
    const findings: Finding[] = []
    for (const [what, spoil] of GARBAGE) {
      const key = `spoiled ${what}`
      for (const name of await stage.namesOf(key, 'v1')) await spoil(stage.server, name)
      const answers = await node.call([key])
      const isMended = await stage.becomesStored(key, 'v2')
      findings.push(
        right(what, answers, 'v2'),
        inTime(what, answers, ANSWER_MS),
        holds(isMended, `${what}: not mended`),
      )
    }
    return [...findings, right('a sound entry', await node.call(['sound']), 'v1')]
  },
}

type Spoil = (server: RedisServer, name: string) => Promise<unknown>

async function firstHalf(server: RedisServer, name: string): Promise<Uint8Array> {
  const bytes = await server.cliBytes('GET', name)
  return Buffer.isBuffer(bytes) ? bytes.subarray(0, bytes.length / 2) : Buffer.alloc(0)
}
