import { expect, test } from 'vitest'
import { type Asked, askStatistics, FIELDS_MAX } from './ask-statistics.ts'
import { classicReply } from './meta-reply.ts'

/** A server that says this many things of itself. */
function tellingOf(count: number): Asked {
  return {
    send: async (_, { tap }) => {
      for (let i = 0; i < count; i++) tap?.(classicReply(`STAT field${i} a value`))
      const end = classicReply('END')
      tap?.(end)
      return end
    },
  }
}

test('what a server says of itself is kept by name', async () => {
  const fields = await askStatistics(tellingOf(3), '', Infinity)
  expect([...fields]).toEqual([0, 1, 2].map((i) => [`field${i}`, 'a value']))
})

test('a server that never stops talking of itself fills no memory', async () => {
  const fields = await askStatistics(tellingOf(FIELDS_MAX + 1000), '', Infinity)
  expect(fields.size).toBe(FIELDS_MAX)
})
