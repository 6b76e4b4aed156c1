import { expect, test } from 'vitest'
import { type Command, commandBytes, type WrittenCommand } from './command.ts'
import type { WireSocket } from './connect.ts'
import { Outbox } from './outbox.ts'

/** A command that writes this text. */
function written(text: string): WrittenCommand {
  return { bytes: text.length, writeTo: (target, at) => void target.write(text, at, 'latin1') }
}

/** A socket that keeps each write, and reads it only when it is asked: as one would that could not send at once. */
function slowSocket(): { socket: WireSocket; writes: () => string[] } {
  const held: (string | Uint8Array)[] = []
  const socket: WireSocket = {
    write: (data) => held.push(data) > 0,
    cork: () => undefined,
    uncork: () => undefined,
    writableLength: 0,
    end: () => undefined,
    destroy: () => undefined,
  }
  return {
    socket,
    writes: () =>
      held.map((data) => (typeof data === 'string' ? data : Buffer.from(data).toString('latin1'))),
  }
}

function fill(outbox: Outbox, commands: readonly Command[]): void {
  for (const command of commands) outbox.add(command, commandBytes(command))
}

test('commands of every kind leave in their order, those of one kind as one piece', () => {
  const outbox = new Outbox()
  const { socket, writes } = slowSocket()
  fill(outbox, [
    written('a'),
    written('b'),
    'c',
    'd',
    Buffer.from('e'),
    written('f'),
    ['g', Buffer.from('h'), 'i'],
    'j',
  ])
  expect(outbox.bytes).toBe(10)
  outbox.drainTo(socket)
  expect(writes()).toEqual(['ab', 'cd', 'e', 'f', 'g', 'h', 'ij'])
  expect(outbox.bytes).toBe(0)
  outbox.drainTo(socket)
  expect(writes()).toHaveLength(7)
})

test('what is on its way is not written over by what comes later, however much that is', () => {
  const outbox = new Outbox()
  const { socket, writes } = slowSocket()
  const texts = Array.from({ length: 3000 }, (_, i) => `${i}:`.padEnd(30 + (i % 50), 'x'))
  texts.push('y'.repeat(100_000), 'z')
  for (const [i, text] of texts.entries()) {
    fill(outbox, [written(text)])
    if (i % 7 === 0) outbox.drainTo(socket)
  }
  outbox.drainTo(socket)
  expect(writes().join('')).toBe(texts.join(''))
  expect(writes().length).toBeLessThan(texts.length / 5)
})
