/**
 * Scripts of the cache. What finds objects has one hash tag, so that it is in one slot; each content has its own.
 *
 * - `:e:KEY` a hash for each key of the cache, with three fields for each object, by its place: `v` what was put, `p` that a
 *   soft purge has met it, `h` its hits and the order of its last use;
 * - `:x` a sorted set of all objects, by the time from which on they mean nothing; `:o` counts puts and uses;
 * - `:s:SURROGATE` a sorted set of the objects that have a surrogate key, by the same time;
 * - `:l:PLACE` the lease of who is getting an object, or `*` where nobody is to wait for anybody;
 * - `:p` a stream of the last purges, by their numbers, of which `:n` is the last;
 * - `:b` a content: its pieces by their numbers, `n` how many, `at` the object that has it.
 *
 * KEY and PLACE are digests of 27 characters; an object is `KEY:PLACE`. A `v` is a line of numbers (content, until when it
 * means something, until when it is fresh, number of the last purge before it, order, length), a line of surrogate keys with
 * NUL between them, and the head.
 *
 * @module
 */
import { type Script, writing } from "./script.ts";

/**
 * Appends pieces. KEYS: content. ARGV: 1 to begin a content, the object that has it from now on or nothing, milliseconds, pieces.
 * Gives 0 if the content is gone, -1 if one that is to begin is there, else the object that has had it, or nothing.
 */
export const APPEND: Script = writing(`
local there = redis.call('EXISTS', KEYS[1])
if ARGV[1] == '1' then
  if there == 1 then return -1 end
elseif there == 0 then
  return 0
end
local count = tonumber(redis.call('HGET', KEYS[1], 'n') or 0)
for i = 4, #ARGV do redis.call('HSET', KEYS[1], count + i - 4, ARGV[i]) end
redis.call('HSET', KEYS[1], 'n', count + #ARGV - 3)
local before = redis.call('HGET', KEYS[1], 'at') or ''
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'at', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return before
`);

const CONTENT_OF = `
local function content_of(entry, place)
  local value = redis.call('HGET', entry, place .. 'v')
  return value and string.match(value, '^(%d+) ')
end
`;

/**
 * Puts an object at its place. KEYS: entry, entry of the object that has had the content, all, order, last purge, purges,
 * then those of its surrogate keys. ARGV: place, object, place that has had the content, object that has had it, content,
 * until, fresh until, number of the last purge that its cache knew of or nothing, length, hits, whether it is purged, head,
 * now, then surrogate keys.
 * Gives -1 if it was purged meanwhile, else the content that was at the place before, or nothing.
 */
export const PUT: Script = writing(`${CONTENT_OF}
local last = redis.call('GET', KEYS[5]) or '0'
local purged = ARGV[11] == '1'
if ARGV[8] ~= '' and ARGV[8] ~= last then
  local first = redis.call('XRANGE', KEYS[6], '-', '+', 'COUNT', 1)[1]
  local known = tonumber(ARGV[8])
  if not first or tonumber(string.match(first[1], '^%d+')) > known + 1 then return -1 end
  for _, purge in ipairs(redis.call('XRANGE', KEYS[6], string.format('(%.0f-0', known), '+')) do
    local key, soft = purge[2][2], purge[2][4]
    local meets = soft == 'all'
    for i = 14, #ARGV do meets = meets or ARGV[i] == key end
    if meets and soft ~= '1' then return -1 end
    purged = purged or meets
  end
end
local before = content_of(KEYS[1], ARGV[1]) or ''
local order = redis.call('INCR', KEYS[4])
local keys = table.concat(ARGV, '\\0', 14)
redis.call('HSET', KEYS[1], ARGV[1] .. 'v', table.concat({ARGV[5], ARGV[6], ARGV[7], last,
  string.format('%.0f', order), ARGV[9]}, ' ') .. '\\n' .. keys .. '\\n' .. ARGV[12])
redis.call('HSET', KEYS[1], ARGV[1] .. 'h', ARGV[10] .. ' ' .. string.format('%.0f', order))
if purged then redis.call('HSET', KEYS[1], ARGV[1] .. 'p', '1')
else redis.call('HDEL', KEYS[1], ARGV[1] .. 'p') end
if ARGV[4] ~= '' and ARGV[4] ~= ARGV[2] and content_of(KEYS[2], ARGV[3]) == ARGV[5] then
  redis.call('HDEL', KEYS[2], ARGV[3] .. 'v', ARGV[3] .. 'p', ARGV[3] .. 'h')
  redis.call('ZREM', KEYS[3], ARGV[4])
end
local ttl = tonumber(ARGV[6]) - tonumber(ARGV[13])
local function keep(key)
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, string.format('%.0f', ttl)) end
end
keep(KEYS[1])
redis.call('ZADD', KEYS[3], ARGV[6], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[13])
keep(KEYS[3])
for i = 7, #KEYS do
  redis.call('ZADD', KEYS[i], ARGV[6], ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', ARGV[13])
  keep(KEYS[i])
end
return before == ARGV[5] and '' or before
`);

/** Takes an object with a content from its place. KEYS: entry, all. ARGV: place, object, content. */
export const HIDE: Script = writing(`${CONTENT_OF}
if content_of(KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1] .. 'v', ARGV[1] .. 'p', ARGV[1] .. 'h')
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
`);

/** Notes hits. KEYS: entry, order. ARGV: place, content, hits. */
export const USE: Script = writing(`${CONTENT_OF}
if content_of(KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local order = string.format('%.0f', redis.call('INCR', KEYS[2]))
redis.call('HSET', KEYS[1], ARGV[1] .. 'h', ARGV[3] .. ' ' .. order)
return 1
`);

/**
 * Purges an object, if it has the surrogate key and was put before the purge. KEYS: entry, all. ARGV: place, object, surrogate
 * key or nothing for any, whether it is soft, number of the purge or nothing for any object.
 */
export const PURGE: Script = writing(`
local value = redis.call('HGET', KEYS[1], ARGV[1] .. 'v')
if not value then return 0 end
local number, keys = string.match(value, '^%d+ %d+ %d+ (%d+) %d+ %d+\\n([^\\n]*)\\n')
if ARGV[5] ~= '' and tonumber(number) >= tonumber(ARGV[5]) then return 0 end
if ARGV[3] ~= '' and not string.find('\\0' .. keys .. '\\0', '\\0' .. ARGV[3] .. '\\0', 1, true) then
  return 0
end
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], ARGV[1] .. 'p', '1')
else
  redis.call('HDEL', KEYS[1], ARGV[1] .. 'v', ARGV[1] .. 'p', ARGV[1] .. 'h')
  redis.call('ZREM', KEYS[2], ARGV[2])
end
return 1
`);

/**
 * Finds the objects of a key, and takes the lease of who is to get one that is missing. KEYS: entry, last purge, lease.
 * ARGV: now, what stands for who asks, milliseconds of the lease, `none` to take none, `missing` to take one where no object is
 * fresh, `any` to take one in any case.
 * Gives the number of the last purge, what became of the lease (`none`, `taken`, `free` where nobody waits for anybody,
 * `busy`), and the fields of the entry.
 */
export const FIND: Script = writing(`
local fields = redis.call('HGETALL', KEYS[1])
local last = redis.call('GET', KEYS[2]) or '0'
local wanted = ARGV[4] ~= 'none'
if ARGV[4] == 'missing' then
  local purged = {}
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 28) == 'p' then purged[string.sub(fields[i], 1, 27)] = true end
  end
  for i = 1, #fields, 2 do
    local fresh = string.match(fields[i + 1], '^%d+ %d+ (%d+) ')
    if string.sub(fields[i], 28) == 'v' and tonumber(fresh) > tonumber(ARGV[1]) and
      not purged[string.sub(fields[i], 1, 27)] then wanted = false end
  end
end
if not wanted then return {last, 'none', fields} end
local holder = redis.call('GET', KEYS[3])
if holder == '*' then return {last, 'free', fields} end
if holder and holder ~= ARGV[2] then return {last, 'busy', fields} end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return {last, 'taken', fields}
`);

/** Ends a lease. KEYS: lease. ARGV: what stands for who has it, milliseconds for which nobody is to wait for anybody. */
export const RELEASE: Script = writing(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], '*', 'PX', ARGV[2]) end
return 1
`);

/**
 * Numbers a purge. Numbers begin with the time, so that they grow although a server has lost its data. KEYS: last purge,
 * purges. ARGV: now, surrogate key, `1` for soft, `0` for hard, or `all`, how many are kept. Gives its number.
 */
export const NUMBER: Script = writing(`
redis.call('SET', KEYS[1], string.format('%.0f', tonumber(ARGV[1]) * 1000), 'NX')
local number = string.format('%.0f', redis.call('INCR', KEYS[1]))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], number .. '-0', 'k', ARGV[2], 's', ARGV[3])
return number
`);

/**
 * Gives the number of the last purge, and the purges after a number; none if some of them are not known any more. KEYS: last
 * purge, purges. ARGV: now, number or nothing, the most.
 */
export const SINCE: Script = writing(`
local last = redis.call('GET', KEYS[1])
if not last then
  last = string.format('%.0f', tonumber(ARGV[1]) * 1000)
  redis.call('SET', KEYS[1], last)
end
if ARGV[2] == '' or ARGV[2] == last then return {last, {}} end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local known = tonumber(ARGV[2])
if known > tonumber(last) then return {last} end
if not first or tonumber(string.match(first[1], '^%d+')) > known + 1 then return {last} end
local after = redis.call('XRANGE', KEYS[2], string.format('(%.0f-0', known), '+', 'COUNT', ARGV[3] + 1)
if #after > tonumber(ARGV[3]) then return {last} end
local purges = {}
for _, purge in ipairs(after) do
  purges[#purges + 1] = string.match(purge[1], '^%d+')
  purges[#purges + 1] = purge[2][2]
  purges[#purges + 1] = purge[2][4]
end
return {last, purges}
`);
