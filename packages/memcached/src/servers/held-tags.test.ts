import { expect, test } from 'vitest'
import { HeldTags } from './held-tags.ts'

test('each server is given all tags in turn, in whatever order they ask', () => {
  let at = 0
  const held = new HeldTags((max) => [`t${at++ % 2}`].slice(0, max))
  const given = [0, 1, 1, 0, 0, 1, 0, 1].map((server) => [server, ...held.for(server, 64)].join(' '))
  expect(given).toEqual(['0 t0', '1 t0', '1 t1', '0 t1', '0 t0', '1 t0', '0 t1', '1 t1'])
})
