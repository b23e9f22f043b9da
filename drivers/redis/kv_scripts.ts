/**
 * Scripts of KV stores. A store's keys have one hash tag, so that they are in one slot:
 *
 * - `:k` a sorted set of all keys, with equal scores, so that it is in the order of their bytes;
 * - `:x` a sorted set of the keys that expire, by the time from which on they may be deleted;
 * - `:r:KEY` a hash for each record: `g` its generation in 20 digits, `e` its time of expiry, `m` its metadata, `v` the first
 *   piece of its value, `i` the name of the rest, `n` the number of the rest's pieces, `l` their bytes, `o` the ids of the
 *   last writes;
 * - `:v:NAME` a hash for each rest of a value, by the numbers of its pieces.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { bytes, done, groupsOf, number, optional } from "./replies.ts";
import { reading, type Script, writing } from "./script.ts";

/**
 * Writes a record. A write that is sent again has the same id, and is not done twice. The first command that changes data is
 * one that a full server refuses, so that no write is done in part.
 *
 * KEYS: record, keys, due, rest (may be the record's own if there is none).
 * ARGV: key, id, expected, generation, expires, due, metadata, first piece, rest's name, rest's pieces, rest's bytes, prefix
 * of the names of rests, time in milliseconds for which a replaced rest is left to its readers.
 * Returns 1 if it is written, 0 if the present record is not as expected, -1 if the rest is gone.
 */
export const SET: Script<number> = writing(
  number,
  `
local old = redis.call('HMGET', KEYS[1], 'g', 'o', 'i')
local ids = old[2] or ''
if string.find(ids .. ' ', ARGV[2] .. ' ', 1, true) then return 1 end
if ARGV[3] == 'none' then
  if old[1] then return 0 end
elseif ARGV[3] ~= 'any' and old[1] ~= ARGV[3] then
  return 0
end
if old[1] and old[1] >= ARGV[4] then return 0 end
if ARGV[9] ~= '' and redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[10]) then return -1 end
redis.call('HSET', KEYS[1], 'g', ARGV[4], 'e', ARGV[5], 'm', ARGV[7], 'v', ARGV[8],
  'i', ARGV[9], 'n', ARGV[10], 'l', ARGV[11], 'o', string.sub(ARGV[2] .. ' ' .. ids, 1, 200))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[3], ARGV[6], ARGV[1])
else redis.call('ZREM', KEYS[3], ARGV[1]) end
if ARGV[9] ~= '' then redis.call('PERSIST', KEYS[4]) end
if old[3] and old[3] ~= '' then redis.call('PEXPIRE', ARGV[12] .. old[3], ARGV[13]) end
return 1
`,
);

/** KEYS: record, keys, due. ARGV: key, generation, prefix of the names of rests, time for readers in milliseconds. */
export const DELETE: Script<number> = writing(
  number,
  `
local old = redis.call('HMGET', KEYS[1], 'g', 'i')
if old[1] ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if old[2] and old[2] ~= '' then redis.call('PEXPIRE', ARGV[3] .. old[2], ARGV[4]) end
return 1
`,
);

/**
 * Deletes records that are due. KEYS: keys, due. ARGV: until, maximum number of records, prefix of the names of
 * records, prefix of those of rests, time for readers in milliseconds. Returns the number of deleted records.
 */
export const SWEEP: Script<number> = writing(
  number,
  `
local keys = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(keys) do
  local rest = redis.call('HGET', ARGV[3] .. key, 'i')
  redis.call('DEL', ARGV[3] .. key)
  redis.call('ZREM', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
  if rest and rest ~= '' then redis.call('PEXPIRE', ARGV[4] .. rest, ARGV[5]) end
end
return #keys
`,
);

/**
 * Lists keys. KEYS: keys. ARGV: lower bound, upper bound, limit, prefix of the names of records. Returns keys, each
 * with its expiry.
 */
export const LIST: Script<Buffer[][]> = reading(
  groupsOf(2, bytes),
  `
local listed = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  listed[#listed + 1] = key
  listed[#listed + 1] = redis.call('HGET', ARGV[4] .. key, 'e') or ''
end
return listed
`,
);

/** Writes a piece of a rest that has no record yet. KEYS: rest. ARGV: number, bytes, time to live in milliseconds. */
export const STAGE: Script<void> = writing(
  done,
  `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
`,
);

/** Reads a piece, and prolongs the life of a rest whose record was replaced. Arguments as of STAGE, without bytes. */
export const READ: Script<Buffer | undefined> = writing(
  optional(bytes),
  `
local piece = redis.call('HGET', KEYS[1], ARGV[1])
if piece and redis.call('PTTL', KEYS[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return piece
`,
);
