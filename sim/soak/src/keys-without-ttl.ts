import type { RedisServer } from '@holdfast/testkit'

// Names of one reply, and of one look.
const TOLD_MAX = 5
const SCRIPT = `
local cursor, count, told = '0', 0, {}
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, name in ipairs(page[2]) do
    if redis.call('PTTL', name) == -1 then
      count = count + 1
      if #told < ${TOLD_MAX} then told[#told + 1] = name end
    end
  end
until cursor == '0'
return cjson.encode({ count, told })
`

/**
 * Names that would stay in Redis for ever. Those that docs/wire/redis.md declares are three a namespace: its token `n:`,
 * its tag epoch `e:` and the marker of its server `i:`.
 */
export async function undeclaredKeysWithoutTtl(server: RedisServer): Promise<readonly string[]> {
  const [count, told]: [number, readonly string[]] = JSON.parse(String(await server.cli('EVAL', SCRIPT, 0)))
  const undeclared = told.filter((name) => !/^[nei]:/.test(name))
  return undeclared.length === 0 && count <= TOLD_MAX ? [] : [...undeclared, `${count} names in all`]
}
