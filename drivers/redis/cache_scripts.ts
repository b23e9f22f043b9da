/**
 * Scripts of the cache. The keys of its index have one hash tag, so that they are in one slot; each content has its own.
 *
 * - `:e:KEY` a hash for each key of the cache, with three fields for each object, by its place: `v` the object, `p` if a
 *   soft purge has marked it, `h` its hits and the order of its last use;
 * - `:x` a sorted set of all objects, by their time of expiry; `:o` a counter of puts and uses;
 * - `:s:SURROGATE` a sorted set of the objects that have a surrogate key, by their time of expiry;
 * - `:l:PLACE` the lease for fetching an object: the holder's id, or `*` while lookups do not wait for each other;
 * - `:p` a stream of the latest purges, by their numbers; `:n` is the number of the last;
 * - `:b` a content: its pieces by their numbers, `n` their count, `at` the object that has it.
 *
 * KEY and PLACE are digests of 27 characters; an object is `KEY:PLACE`. A `v` is a line of numbers (content, time of
 * expiry, time until which it is fresh, number of the last purge before it, order, length), a line of surrogate keys with
 * NUL between them, and the head.
 *
 * @module
 */
import {
  appended,
  displaced,
  type FoundEntry,
  foundEntry,
  type Since,
  since,
} from "./cache_replies.ts";
import { number } from "./replies.ts";
import { type Script, writing } from "./script.ts";

/**
 * Appends pieces. KEYS: content. ARGV: 1 for a new content, the object that has it from now on or an
 * empty text, time to live in milliseconds, pieces.
 * Returns 0 if the content is gone, -1 if a new one exists already, otherwise the object that had it before, or an
 * empty text.
 */
export const APPEND: Script<string | 0 | -1> = writing(
  appended,
  `
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
`,
);

const CONTENT_OF = `
local function content_of(entry, place)
  local value = redis.call('HGET', entry, place .. 'v')
  return value and string.match(value, '^(%d+) ')
end
`;

/**
 * Puts an object at its place. KEYS: entry, entry of the object that had the content before, all, order, last purge,
 * purges, then those of its surrogate keys. ARGV: place, object, place that had the content before, object that had it,
 * content, expiry, fresh until, number of the last purge that its cache knew of or nothing, length, hits, whether it is
 * purged, head, now, then surrogate keys. Returns -1 if it was purged meanwhile, otherwise the content that was at the
 * place before, or an empty text.
 */
export const PUT: Script<number | "purged" | undefined> = writing(
  displaced,
  `${CONTENT_OF}
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
`,
);

/** Removes the object with a content from its place. KEYS: entry, all. ARGV: place, object, content. */
export const HIDE: Script<number> = writing(
  number,
  `${CONTENT_OF}
if content_of(KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1] .. 'v', ARGV[1] .. 'p', ARGV[1] .. 'h')
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
`,
);

/** Notes hits. KEYS: entry, order. ARGV: place, content, hits. */
export const USE: Script<number> = writing(
  number,
  `${CONTENT_OF}
if content_of(KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local order = string.format('%.0f', redis.call('INCR', KEYS[2]))
redis.call('HSET', KEYS[1], ARGV[1] .. 'h', ARGV[3] .. ' ' .. order)
return 1
`,
);

/**
 * Purges an object, if it has the surrogate key and was put before the purge. KEYS: entry, all. ARGV: place, object,
 * surrogate key or nothing for any, whether it is soft, number of the purge or nothing for any object.
 */
export const PURGE: Script<number> = writing(
  number,
  `
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
`,
);

/**
 * Finds the objects of a key, and takes the lease for fetching a missing one. KEYS: entry, last purge, lease.
 * ARGV: now, id of the caller, duration of the lease in milliseconds, and whether to take it: `none`, `missing` (if no object
 * is fresh) or `any`.
 * Returns the number of the last purge, the state of the lease (`none`, `taken`, `busy`, or `free` while lookups do not
 * wait for each other), and the fields of the entry.
 */
export const FIND: Script<FoundEntry> = writing(
  foundEntry,
  `
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
`,
);

/** Ends a lease. KEYS: lease. ARGV: id of its holder, time for which lookups do not wait for each other in milliseconds. */
export const RELEASE: Script<number> = writing(
  number,
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], '*', 'PX', ARGV[2]) end
return 1
`,
);

/**
 * Numbers a purge. Numbers begin with the time, so that they grow even after a server has lost its data. KEYS: last purge,
 * purges. ARGV: now, surrogate key, `1` for soft, `0` for hard, or `all`, number of purges to keep. Returns the purge's
 * number.
 */
export const NUMBER: Script<number> = writing(
  number,
  `
redis.call('SET', KEYS[1], string.format('%.0f', tonumber(ARGV[1]) * 1000), 'NX')
local number = string.format('%.0f', redis.call('INCR', KEYS[1]))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], number .. '-0', 'k', ARGV[2], 's', ARGV[3])
return number
`,
);

/**
 * Returns the number of the last purge, and the purges after a number; none if some of them are no longer kept. KEYS: last
 * purge, purges. ARGV: now, number or an empty text, maximum number of purges.
 */
export const SINCE: Script<Since> = writing(
  since,
  `
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
`,
);
