import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hostNow } from './clock.ts'
import { readHistory } from './read-history.ts'
import { type NewEvent, recordHistory } from './record-history.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-history-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const events: readonly NewEvent[] = [
  {
    kind: 'read',
    key: 'k\n"é',
    tags: ['t'],
    startMs: 1.5,
    endMs: 2,
    source: 'l1',
    version: 3,
    valueKey: 'k',
  },
  {
    kind: 'load',
    key: 'k',
    startMs: 1,
    grantedMs: 2,
    endMs: 3,
    leasedUntilMs: 9,
    token: '\0\xff',
    version: 3,
  },
  {
    kind: 'fill',
    key: 'k',
    startMs: 3,
    endMs: 4,
    token: '\0\xff',
    version: 3,
    result: 'stored',
    serverAcked: true,
  },
  { kind: 'set', key: 'k', startMs: 3, endMs: 4, version: 3, versioned: true, result: 'older' },
  {
    kind: 'invalidate',
    keys: ['k'],
    tags: ['t'],
    everything: false,
    soft: true,
    startMs: 3,
    endMs: 4,
    result: 'queued',
  },
  { kind: 'commit', key: 'k', startMs: 3, endMs: 4, version: 4 },
]

describe('recordHistory', () => {
  test('keeps events in memory under the name of its process', () => {
    using history = recordHistory({ process: 'a' })
    for (const event of events) history.add(event)
    expect(history.events).toEqual(events.map((event) => ({ process: 'a', ...event })))
  })

  test('refuses more events than its bound', () => {
    using history = recordHistory({ process: 'a', eventsMax: 1 })
    const [event] = events
    expect(() => {
      for (let i = 0; i < 2; i++) if (event !== undefined) history.add(event)
    }).toThrow('more than 1 events')
  })

  test('writes to a file what readHistory gives back, several processes joined', async () => {
    const paths = ['a', 'b'].map((process) => {
      const path = join(dir, process)
      using history = recordHistory({ process, path })
      for (const event of events) history.add(event)
      return path
    })
    const expected = ['a', 'b'].flatMap((process) => events.map((event) => ({ process, ...event })))
    expect(await readHistory(paths)).toEqual(expected)
  })

  test('holds text back up to its bound, and writes at once where that is 0', () => {
    for (const [bufferCharsMax, lines] of [
      [1e6, 0],
      [0, 6],
    ] as const) {
      const path = join(dir, `${bufferCharsMax}`)
      using history = recordHistory({ process: 'a', path, bufferCharsMax })
      for (const event of events) history.add(event)
      expect(readFileSync(path, 'utf8').split('\n').length - 1).toBe(lines)
    }
  })

  test('a process that exits without closing loses nothing', async () => {
    const path = join(dir, 'exit')
    const source = `
      import { recordHistory } from '${join(import.meta.dirname, 'record-history.ts')}'
      const history = recordHistory({ process: 'a', path: ${JSON.stringify(path)} })
      history.add({ kind: 'commit', key: 'k', startMs: history.now(), endMs: history.now(), version: 4 })
      process.exit()
    `
    const args = ['--conditions=holdfast-source', '--input-type=module', '-e', source]
    const beforeMs = hostNow()
    spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    const [event] = await readHistory([path])
    // Both processes read one clock.
    expect(event?.startMs).toBeGreaterThan(beforeMs)
    expect(event?.endMs).toBeLessThan(hostNow())
  })

  test('is used after close: an error, not a lost event', () => {
    const history = recordHistory({ process: 'a', path: join(dir, 'a') })
    history.close()
    history.close()
    const [event] = events
    expect(() => event && history.add(event)).toThrow('closed')
  })
})

describe('readHistory', () => {
  const line = '{"process":"a","kind":"commit","key":"k","startMs":1,"endMs":2,"version":3}\n'

  test('leaves out a last line that was torn off', async () => {
    const path = join(dir, 'torn')
    writeFileSync(path, `${line}${line.slice(0, 30)}`)
    expect(await readHistory([path])).toHaveLength(1)
  })

  test('refuses a torn line in the middle, with its place', async () => {
    const path = join(dir, 'torn')
    writeFileSync(path, `${line}${line.slice(0, 30)}\n`)
    appendFileSync(path, line)
    await expect(readHistory([path])).rejects.toThrow(`${path}:2`)
  })

  test.each([
    ['an unknown kind', line.replace('commit', 'comit'), 'kind'],
    ['a missing field', line.replace('"version":3', '"v":3'), 'version'],
    ['a field of another type', line.replace('"key":"k"', '"key":7'), 'key'],
    ['tags that are no list of strings', line.replace('"version":3', '"version":3,"tags":[1]'), 'tags'],
    ['no object', '7\n', 'kind'],
  ])('refuses %s', async (_, text, field) => {
    const path = join(dir, 'wrong')
    writeFileSync(path, text)
    await expect(readHistory([path])).rejects.toThrow(`${path}:1 ${field}`)
  })

  test('a file that is not there rejects', async () => {
    await expect(readHistory([join(dir, 'absent')])).rejects.toThrow('ENOENT')
  })
})
