import { Buffer } from "node:buffer";
import { FramelessError } from "../../service/errors.ts";
import type { Reply } from "./link.ts";

/** Failure to read a reply. It has no stack: the store's error names the call. */
class ReplyError extends FramelessError {
  override readonly name = "ReplyError";
}

/**
 * Reads a reply.
 *
 * @throws {Error} If it is none that the call can have.
 */
export type Read<T> = (reply: Reply) => T;

/** Fails for a reply that the call cannot have. */
export function unexpected(reply: Reply, expected: string): never {
  const shown = Array.isArray(reply)
    ? `a list of ${reply.length}`
    : reply === null
    ? "nothing"
    : typeof reply === "number"
    ? `${reply}`
    : JSON.stringify(`${reply}`.slice(0, 40));
  throw new ReplyError(
    `it replied with ${shown} where ${expected} is expected. ` +
      "Check that it is Redis or Valkey, and that nothing else writes under the same prefix",
  );
}

/** Reads no reply: that the call has succeeded is enough. */
export const done: Read<void> = () => {};

/** Reads a number, or a text with one: numbers of scripts have only 53 bits, and are texts beyond 32. */
export const number: Read<number> = (reply) => {
  if (typeof reply === "number") return reply;
  const text = Buffer.isBuffer(reply) ? `${reply}` : "";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : unexpected(reply, "a number");
};

export const bytes: Read<Buffer> = (reply) =>
  Buffer.isBuffer(reply) ? reply : unexpected(reply, "a text");

export const text: Read<string> = (reply) => `${bytes(reply)}`;

/** Makes a reader for a reply that may be absent. */
export function optional<T>(read: Read<T>): Read<T | undefined> {
  return (reply) => reply === null ? undefined : read(reply);
}

/** Makes a reader of a list, of which all values are of one type. */
export function listOf<T>(read: Read<T>): Read<T[]> {
  return (reply) => Array.isArray(reply) ? reply.map(read) : unexpected(reply, "a list");
}

/** Makes a reader of a list whose values are groups of so many, as the fields of a hash are pairs. */
export function groupsOf<T>(size: number, read: Read<T>): Read<T[][]> {
  const readAll = listOf(read);
  return (reply) => {
    const all = readAll(reply);
    if (all.length % size) unexpected(reply, `a list of groups of ${size}`);
    return Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
  };
}

/** Makes a reader of a hash with values of one type. */
export function hashOf<T>(read: Read<T>): Read<Map<string, T>> {
  const readPairs = groupsOf(2, (reply) => reply);
  return (reply) => new Map(readPairs(reply).map(([name, value]) => [text(name!), read(value!)]));
}

/** Makes a reader of the fields of a hash, which has all of them or none: undefined if the first is absent. */
export function fieldsOf<Name extends string, T>(
  names: readonly Name[],
  read: Read<T>,
): Read<Readonly<Record<Name, T>> | undefined> {
  const readAll = listOf(optional(read));
  return (reply) => {
    const all = readAll(reply);
    if (all.length === names.length && all[0] === undefined) return undefined;
    if (all.length !== names.length || all.includes(undefined)) {
      unexpected(reply, `a list of ${names.length} texts`);
    }
    return Object.fromEntries(names.map((name, i) => [name, all[i]])) as Record<Name, T>;
  };
}
