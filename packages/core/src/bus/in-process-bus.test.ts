import { busConformance } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { inProcessBus } from './in-process-bus.ts'

describe('the bus in this process is a bus', () => {
  const bus = inProcessBus()
  const cases = busConformance({ bus })

  test.each(cases.filter(({ lacks }) => lacks === undefined))('$rule: $name', async ({ run }) => {
    await run()
  })

  test('it lacks what only a server can do', () => {
    const lacking = new Set(cases.flatMap(({ lacks }) => lacks ?? []))
    expect([...lacking].sort()).toEqual(['cut', 'plant', 'stall', 'stop'])
  })
})
