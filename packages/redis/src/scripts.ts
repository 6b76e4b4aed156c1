import { createHash } from 'node:crypto'
import type { RedisScript } from './commands.ts'

/**
 * The scripts of docs/wire/redis.md. Fixed texts: all data comes in KEYS and ARGV. A wrong type counts as absent
 * (pcall). Where memory is full under noeviction: `allow-oom` scripts work, the others fail at their first SET, which
 * therefore stands before their first DEL (the other way round it would slip past maxmemory).
 */
function script(source: string): RedisScript {
  const text = source.trim()
  return { source: text, sha: createHash('sha1').update(text).digest('hex') }
}

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

// From KEYS[first] to KEYS[last]: whether a quarantine has a live member.
const QUARANTINED = `
local function quarantined(first, last)
  for i = first, last do
    local live = redis.pcall('ZCOUNT', KEYS[i], now, '+inf')
    if type(live) == 'number' and live > 0 then return true end
  end
  return false
end`

// What is none was written by somebody else, and counts as missing: it would match nothing, and be minted never.
const IS_TOKEN = `
local function isToken(text)
  return type(text) == 'string' and (#text == 8 or #text == 16)
end`

/** KEYS v l, q and x…; ARGV token, lease ms, [seen]. -> {'won' | 'quarantined'}, {'busy', holder} or {'found', value} */
export const ACQUIRE: RedisScript = script(`#!lua flags=allow-oom
${NOW}
${QUARANTINED}
${IS_TOKEN}
if quarantined(3, #KEYS) then return {'quarantined'} end
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'string' and (not ARGV[3] or string.sub(value, 5, 12) ~= ARGV[3]) then
  return {'found', value}
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'won'} end
local holder = redis.pcall('GET', KEYS[2])
if not isToken(holder) then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return {'won'}
end
return {'busy', holder}
`)

/**
 * KEYS n e t…; ARGV life ms, a new token per key. -> current tokens, minted where missing, nil where memory is full.
 * A tag's life is extended only when less than a quarter is left: every extension is pushed to whoever holds it.
 */
export const MINT: RedisScript = script(`
${IS_TOKEN}
-- All of them before the first read, which registers the keys: our own mint would be pushed back to us.
for i, key in ipairs(KEYS) do
  if i <= 2 then
    redis.pcall('SET', key, ARGV[1 + i], 'NX')
  else
    redis.pcall('SET', key, ARGV[1 + i], 'NX', 'PX', ARGV[1])
  end
end
local tokens = {}
for i, key in ipairs(KEYS) do
  local left = i > 2 and redis.call('PTTL', key) or 0
  if left > 0 and left < ARGV[1] / 4 then redis.call('PEXPIRE', key, ARGV[1]) end
  local token = redis.pcall('GET', key)
  if not isToken(token) then
    if i <= 2 then
      redis.pcall('SET', key, ARGV[1 + i])
    else
      redis.pcall('SET', key, ARGV[1 + i], 'PX', ARGV[1])
    end
    token = redis.pcall('GET', key)
  end
  tokens[i] = isToken(token) and token or false
end
return tokens
`)

/** KEYS l; ARGV token, lease ms. -> 1 renewed, 0 not held */
export const RENEW: RedisScript = script(`#!lua flags=allow-oom
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/** KEYS l; ARGV token. -> 1 released, 0 was not held */
export const RELEASE: RedisScript = script(`#!lua flags=allow-oom
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

/**
 * KEYS v l, q and x…; ARGV token, value, px. -> 1 stored, 0 refused. The reads of v around the SET make this
 * connection hear of exactly one change of v, its own, right behind the reply, and of every later one.
 */
export const FILL: RedisScript = script(`
${NOW}
${QUARANTINED}
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] or quarantined(3, #KEYS) then return 0 end
redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
redis.call('EXISTS', KEYS[1])
return 1
`)

/**
 * KEYS v l q n e, then x… and t… of the tags; ARGV deadline (server ms), px, head, payload, tag life ms, version or
 * '', new tokens of n and e, then per tag: its name's varint head without and with the soft bit, name, new token.
 * -> {'stored' | 'older' | 'quarantined', n, e, t…}. An older or a quarantined write voids the lease all the same.
 */
export const PUT: RedisScript = script(`
${NOW}
${QUARANTINED}
${IS_TOKEN}
if now > tonumber(ARGV[1]) then return redis.error_reply('LATE the write arrived after its deadline') end
local count = (#KEYS - 5) / 2
-- Minted before the first read: a script's reads register its keys, and our own mint would be pushed back to us.
redis.call('SET', KEYS[4], ARGV[7], 'NX')
redis.call('SET', KEYS[5], ARGV[8], 'NX')
for i = 1, count do redis.call('SET', KEYS[5 + count + i], ARGV[8 + i * 4], 'NX', 'PX', ARGV[5]) end
local function token(key, fresh, life)
  local held = redis.pcall('GET', key)
  if not isToken(held) then
    if life then redis.call('SET', key, fresh, 'PX', life) else redis.call('SET', key, fresh) end
    held = fresh
  elseif life then
    local left = redis.call('PTTL', key)
    if left > 0 and left < life / 4 then redis.call('PEXPIRE', key, life) end
  end
  redis.call('GET', key)
  return held
end
local function older()
  if ARGV[6] == '' then return false end
  local head = redis.pcall('GETRANGE', KEYS[1], 0, 46)
  if type(head) ~= 'string' or #head < 4 then return true end
  if string.byte(head, 3) % 8 < 4 then return false end
  if #head < 47 then return true end
  -- As two numbers: Lua compares strings by the server's locale, and has no 64-bit integers.
  local high, low = struct.unpack('>i4I4', head, 40)
  local newHigh, newLow = struct.unpack('>i4I4', ARGV[6])
  return high > newHigh or (high == newHigh and low >= newLow)
end
local function refuse(outcome)
  redis.call('DEL', KEYS[2])
  return {outcome}
end
if quarantined(3, 3) or quarantined(6, 5 + count) then return refuse('quarantined') end
if older() then return refuse('older') end
local reply = {'stored', token(KEYS[4], ARGV[7]), token(KEYS[5], ARGV[8])}
local parts = {ARGV[3], reply[2], string.char(count)}
for i = 1, count do
  local at = 9 + (i - 1) * 4
  local held = token(KEYS[5 + count + i], ARGV[at + 3], ARGV[5])
  reply[3 + i] = held
  parts[#parts + 1] = #held > 8 and ARGV[at + 1] or ARGV[at]
  parts[#parts + 1] = ARGV[at + 2]
  parts[#parts + 1] = held
end
parts[#parts + 1] = ARGV[4]
redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], table.concat(parts), 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
redis.call('EXISTS', KEYS[1])
return reply
`)

/**
 * KEYS v l pairs. Sets the stale flag of each entry, cuts its ttl to its present age, so that its windows begin now, and
 * voids its lease; what cannot be marked is removed.
 */
export const EXPIRE: RedisScript = script(`
${NOW}
for i = 1, #KEYS, 2 do
  local head = redis.pcall('GETRANGE', KEYS[i], 0, 30)
  if type(head) == 'string' and string.sub(head, 1, 2) == 'H\\1' and #head == 31 then
    local createdHigh, createdLow, ttlHigh, ttlLow = struct.unpack('>I2I4BI4', head, 21)
    local age = math.max(0, now - createdHigh * 4294967296 - createdLow)
    local ttl = math.min(ttlHigh * 4294967296 + ttlLow, age)
    local flags = string.char(bit.bor(string.byte(head, 3), 1))
    local cut = struct.pack('>BI4', math.floor(ttl / 4294967296), ttl % 4294967296)
    local marked = redis.pcall('SETRANGE', KEYS[i], 2, flags .. string.sub(head, 4, 26) .. cut)
    if type(marked) == 'table' then redis.call('UNLINK', KEYS[i]) end
  else
    redis.call('UNLINK', KEYS[i])
  end
  redis.call('DEL', KEYS[i + 1])
end
return 1
`)

/** KEYS e t…; ARGV a new soft token per tag. Keeps the hard part; without memory or a tag it is a hard invalidation. */
export const EXPIRE_TAGS: RedisScript = script(`
redis.call('UNLINK', KEYS[1])
for i = 2, #KEYS do
  local token = redis.pcall('GET', KEYS[i])
  local softened = type(token) == 'string'
    and redis.pcall('SET', KEYS[i], string.sub(token, 1, 8) .. ARGV[i - 1], 'KEEPTTL')
  if type(softened) ~= 'table' or softened.err then redis.call('UNLINK', KEYS[i]) end
end
return 1
`)

/**
 * KEYS q and x…, then everything to remove (v l, e, t…); ARGV token, life ms, number of quarantines. Adds or renews this
 * token's membership, and removes what is there: a writer that dies leaves nothing old behind.
 */
export const QUARANTINE: RedisScript = script(`#!lua flags=allow-oom
${NOW}
local count = tonumber(ARGV[3])
for i = 1, count do
  if type(redis.pcall('ZREMRANGEBYSCORE', KEYS[i], '-inf', '(' .. now)) == 'table' then redis.call('DEL', KEYS[i]) end
  redis.call('ZADD', KEYS[i], now + ARGV[2], ARGV[1])
  -- Two writes in place of a PTTL: a script's read registers all of its keys, which costs the square of their number.
  redis.call('PEXPIRE', KEYS[i], ARGV[2] * 2, 'NX')
  redis.call('PEXPIRE', KEYS[i], ARGV[2] * 2, 'GT')
end
for i = count + 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
return 1
`)

/** KEYS q and x…; ARGV token. Removes only this token's membership. */
export const UNQUARANTINE: RedisScript = script(`#!lua flags=allow-oom
for i = 1, #KEYS do redis.pcall('ZREM', KEYS[i], ARGV[1]) end
return 1
`)

/**
 * Rule R. KEYS i, [n]; ARGV what the mark must begin with, what it must end with, the mark to write if it does not.
 * The namespace token is removed with it, so that nothing that is there matches. -> the mark that is there now
 */
export const FENCE_RESTART: RedisScript = script(`#!lua flags=allow-oom
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' and string.sub(held, 1, #ARGV[1]) == ARGV[1]
  and (ARGV[2] == '' or string.sub(held, -#ARGV[2]) == ARGV[2]) then return held end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
redis.call('SET', KEYS[1], ARGV[3])
return ARGV[3]
`)

/** Loaded on each new connection: else every first caller would send the whole text, and behind what it was meant to precede. */
export const EVERY_SCRIPT: readonly RedisScript[] = [
  ACQUIRE,
  MINT,
  RENEW,
  RELEASE,
  FILL,
  PUT,
  EXPIRE,
  EXPIRE_TAGS,
  QUARANTINE,
  UNQUARANTINE,
  FENCE_RESTART,
]
