import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { createScreen, type Screen } from './screen.ts'

const ERASE_LINE = '\r\u001b[2K'

function screenOn(settings: { isTTY: boolean; columns: number }): { screen: Screen; taken: () => string } {
  const output = Object.assign(new PassThrough(), settings)
  return { screen: createScreen(output), taken: () => String(output.read() ?? '') }
}

test('on a terminal the live lines are redrawn in place, each cut to the columns that there are', () => {
  const { screen, taken } = screenOn({ isTTY: true, columns: 40 })
  screen.live(['first', 'x'.repeat(100)])
  expect(stripVTControlCharacters(taken())).toBe(`\rfirst\n${'x'.repeat(39)}`)
  screen.live(['second', 'y'])
  // Both lines are erased, from the lower one up.
  expect(taken().startsWith(`${ERASE_LINE}\u001b[1A${ERASE_LINE}`)).toBe(true)
})

test('a line that is said stays above them', () => {
  const { screen, taken } = screenOn({ isTTY: true, columns: 80 })
  screen.say('before')
  screen.live(['a', 'b'])
  taken()
  screen.say('said')
  expect(stripVTControlCharacters(taken())).toBe('\r\rsaid\na\nb')
  screen.leave()
  expect(taken()).toBe('\n')
})

test('without a terminal they are lines like any other', () => {
  const { screen, taken } = screenOn({ isTTY: false, columns: 0 })
  screen.live(['a', 'b'])
  screen.say('said')
  screen.leave()
  expect(taken()).toBe('a\nb\nsaid\n')
})
