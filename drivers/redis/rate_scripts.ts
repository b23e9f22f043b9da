/**
 * Scripts of rate counters and penalty boxes. A counter's entry is a hash: counts by second, `x` its time of
 * expiry, `n` the number of changes. A box's entry has `x` alone. All of an entry's keys have one hash tag.
 *
 * @module
 */
import { done, number } from "./replies.ts";
import { type Script, writing } from "./script.ts";

/**
 * Adds to the counts of an entry, and returns the sum over a window. As in `addTo` of `service/rate/counters.ts`, a clock
 * that was set back counts in the newest second. Further pairs of seconds and counts may follow: delayed counts of a host.
 */
const ADD = `
local function add(key, now, window, at)
  local second = math.floor(now / 1000)
  local all = redis.call('HGETALL', key)
  local counts, newest = {}, -1
  for i = 1, #all, 2 do
    local s = tonumber(all[i])
    if s then
      counts[s] = tonumber(all[i + 1])
      if s > newest then newest = s end
    end
  end
  if newest >= second + 60 then
    redis.call('DEL', key)
    counts, newest = {}, -1
  end
  if newest < second then newest = second end
  for i = at, #ARGV, 2 do
    local s = tonumber(ARGV[i])
    if i == at or s > newest then s = newest end
    if s > second - 60 and ARGV[i + 1] ~= '0' then
      counts[s] = tonumber(redis.call('HINCRBY', key, string.format('%.0f', s), ARGV[i + 1]))
    end
  end
  local sum = 0
  for s, count in pairs(counts) do
    if s <= second - 60 then redis.call('HDEL', key, string.format('%.0f', s))
    elseif s > second - window then sum = sum + count end
  end
  redis.call('HSET', key, 'x', string.format('%.0f', (newest + 60) * 1000))
  redis.call('HINCRBY', key, 'n', 1)
  redis.call('PEXPIRE', key, string.format('%.0f', (newest + 61) * 1000 - now))
  return sum
end
`;

/**
 * Counts. KEYS: counter. ARGV: now, window, then pairs of a second and a count, the first of them for now. Returns the
 * sum.
 */
export const COUNT: Script<number> = writing(
  number,
  `${ADD}
return string.format('%.0f', add(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), 3))
`,
);

/**
 * Counts, and puts an entry above the limit into its box. KEYS: counter, box. ARGV: now, window, maximum count, time at which
 * the entry leaves the box, then pairs as in COUNT.
 * Returns 0 for an entry that is not in the box, 1 for one that was in it, 2 for one that was put into it.
 */
export const CHECK: Script<number> = writing(
  number,
  `${ADD}
local now, expires = tonumber(ARGV[1]), redis.call('HGET', KEYS[2], 'x')
if expires and tonumber(expires) > now then
  if #ARGV > 6 then -- what waited is counted in any case
    ARGV[6] = '0'
    add(KEYS[1], now, 1, 5)
  end
  return 1
end
if add(KEYS[1], now, tonumber(ARGV[2]), 5) <= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[2], 'x', ARGV[4])
redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.max(1, tonumber(ARGV[4]) - now)))
return 2
`,
);

/** Puts an entry into its box. KEYS: box. ARGV: time at which it leaves the box, milliseconds until then. */
export const EXPIRE: Script<void> = writing(
  done,
  `
redis.call('HSET', KEYS[1], 'x', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
`,
);

/**
 * Replaces a record if it was not changed meanwhile. KEYS: record. ARGV: its number of changes, time to live in
 * milliseconds, fields.
 */
export const REPLACE: Script<number> = writing(
  number,
  `
if (redis.call('HGET', KEYS[1], 'n') or '0') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'n', ARGV[1] + 1, unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`,
);
