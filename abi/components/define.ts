import { Body } from "../../handles/body.ts";
import type { Sandbox } from "../../handles/sandbox.ts";
import { RequestPromise } from "../../handles/request_promise.ts";
import type { HandleClass } from "../../handles/table.ts";
import { Waitable } from "../../handles/waitable.ts";
import { refuse } from "../../service/errors.ts";
import { utf8 } from "../../service/util/utf8.ts";
import type { Hostcall } from "../_define.ts";
import { TooLong } from "./errors.ts";
import { CLASSES, CLASSES_BY_INTERFACE, OptionSet } from "./resources.ts";
import type { Signature, WitType } from "./wit.ts";

/** Implementation of a function that components import. Handles are passed as their objects. */
export interface Implementation {
  /** Whether the function may return a promise. */
  readonly suspends: boolean;
  /** Whether handles are passed as numbers instead. */
  readonly byNumber?: boolean;
  readonly run: (sandbox: Sandbox, ...values: never[]) => unknown;
}

/** Implementations of the functions of one interface, by name. */
export type Implementations = Readonly<Record<string, Implementation>>;

/** Makes an implementation of a hostcall of the module ABI, with the same values in the same order. */
export function hostcall({ suspends, run }: Hostcall | undefined = never()): Implementation {
  return { suspends, run };
}

function never(): never {
  throw new TypeError("A component's function names a hostcall that there is none of");
}

/** Makes an implementation as {@linkcode hostcall} does, of a hostcall that takes handles as numbers. */
export function byNumber(call: Hostcall | undefined): Implementation {
  return { ...hostcall(call), byNumber: true };
}

/** Makes an implementation that returns at once. */
export function immediate(run: Implementation["run"]): Implementation {
  return { suspends: false, run };
}

/** Makes an implementation that may return a promise. */
export function suspending(run: Implementation["run"]): Implementation {
  return { suspends: true, run };
}

/** Calls the body of a hostcall of the module ABI. */
export function invoke<T>(call: Hostcall | undefined, sandbox: Sandbox, ...values: unknown[]): T {
  const { run } = call ?? never();
  return (run as (sandbox: Sandbox, ...values: unknown[]) => unknown)(sandbox, ...values) as T;
}

/** Converts bytes to a byte string, which has one character for each. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

/** Converts a text to a byte string of its UTF-8. */
export function asByteString(text: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is its own
  return /^[\x00-\x7f]*$/.test(text) ? text : byteString(utf8(text));
}

const UTF8 = new TextDecoder();

/** Converts a byte string of UTF-8 to the text. */
export function fromByteString(text: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is its own
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return UTF8.decode(Uint8Array.from(text, (character) => character.charCodeAt(0)));
}

function classOf(type: WitType): HandleClass<object> {
  const { resource = "", name = "" } = type;
  return CLASSES_BY_INTERFACE[resource] ?? CLASSES[name] ?? OptionSet;
}

type Read = (sandbox: Sandbox, value: unknown) => unknown;

/** Returns a function that converts a parameter, in which handles become their objects. */
function readerOf(type: WitType): Read {
  const { kind, parts } = type;
  if (kind === "borrow") {
    const of = classOf(type);
    return ({ handles }, value) => handles.get(of, value as number);
  }
  if (kind === "own") {
    const of = classOf(type);
    return of === Body
      ? ({ handles }, value) => Body.take(handles, value as number)
      : ({ handles }, value) => handles.take(of, value as number);
  }
  if (kind === "option" && parts[1]) {
    const read = readerOf(parts[1]);
    return (sandbox, value) => value === undefined ? undefined : read(sandbox, value);
  }
  if (kind === "record") {
    const reads = parts.map((part) => readerOf(part!));
    return (sandbox, value) => (value as unknown[]).map((item, i) => reads[i]!(sandbox, item));
  }
  if (kind === "variant") {
    const reads = parts.map((part) => part && readerOf(part));
    return (sandbox, value) => {
      const { tag, value: payload } = value as { tag: number; value: unknown };
      return { tag, value: reads[tag]?.(sandbox, payload) };
    };
  }
  return (_, value) => value;
}

/** Limits that a caller sets for a result: the longest text or list, and the position to go on from. */
interface ResultRoom {
  readonly max: bigint | undefined;
  readonly cursor: number | undefined;
}

/** Returns a page of a list of texts, each followed by a NUL, and the position of the next page. */
function page(texts: readonly string[], { max = 0n, cursor = 0 }: ResultRoom, wantsText: boolean) {
  let joined = "";
  for (let i = cursor; i < texts.length; i++) {
    const next = `${texts[i]}\0`;
    if (BigInt(joined.length + next.length) > max) {
      if (!joined) throw new TooLong(next.length, max);
      return [wantsText ? joined : bytesOf(joined), i];
    }
    joined += next;
  }
  return [wantsText ? joined : bytesOf(joined), undefined];
}

function bytesOf(text: string): Uint8Array {
  let wide = false;
  const bytes = Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    if (code > 0xff) wide = true;
    return code;
  });
  return wide ? utf8(text) : bytes;
}

type Write = (sandbox: Sandbox, value: unknown, room: ResultRoom) => unknown;

/** Returns a function that converts a result, in which objects become handles. */
function writerOf(type: WitType | undefined): Write {
  if (!type) return () => undefined;
  const { kind, parts } = type;
  switch (kind) {
    case "own":
      return ({ handles }, value) =>
        typeof value === "number" ? value : handles.insert(value as object);
    case "option": {
      const write = writerOf(parts[1]);
      return (sandbox, value, room) =>
        value === undefined ? undefined : write(sandbox, value, room);
    }
    case "bool":
      return (_, value) => Boolean(value);
    case "u64":
      return (_, value) => BigInt(value as bigint);
    case "string":
      return (_, value, { max }) => {
        const text = value as string;
        if (max === undefined) return text;
        const { length } = asByteString(text);
        if (BigInt(length) > max) throw new TooLong(length, max);
        return text;
      };
    case "list":
      if (parts[0]?.kind !== "u8") {
        const write = writerOf(parts[0]);
        return (sandbox, value, room) =>
          (value as unknown[]).map((item) => write(sandbox, item, room));
      }
      return (_, value, { max }) => {
        const bytes = typeof value === "string" ? bytesOf(value) : value as Uint8Array;
        if (max !== undefined && BigInt(bytes.length) > max) {
          throw new TooLong(bytes.length, max);
        }
        return bytes;
      };
    case "variant":
      return (sandbox, value) => writtenVariant(type, sandbox, value);
    case "record":
    case "tuple": {
      const writes = parts.map(writerOf);
      const wantsText = parts[0]?.kind === "string";
      const isPage = parts.length === 2 && parts[1]?.kind === "option";
      return (sandbox, value, room) => {
        if (isPage) return page(value as string[], room, wantsText);
        const items = Array.isArray(value) ? value : Object.values(value as object);
        return writes.map((write, i) => write(sandbox, items[i], room));
      };
    }
  }
  return (_, value) => value;
}

/** Converts a variant, of which an IP address is given as its octets. */
function writtenVariant(type: WitType, sandbox: Sandbox, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) {
    const { tag, value: payload } = value as { tag: number; value: unknown };
    return { tag, value: writerOf(type.parts[tag])(sandbox, payload, NO_ROOM) };
  }
  if (value.length === 4) return { tag: 0, value: [...value] };
  const part = (_: unknown, i: number) => value[i * 2]! << 8 | value[i * 2 + 1]!;
  return { tag: 1, value: Array.from({ length: 8 }, part) };
}

/** Returns the octets of an IP address. */
export function octetsOf(
  { tag, value }: { tag: number; value: number[] },
): Uint8Array<ArrayBuffer> {
  if (tag === 0) return Uint8Array.from(value);
  return Uint8Array.from(value.flatMap((part) => [part >> 8, part & 0xff]));
}

const NO_ROOM: ResultRoom = { max: undefined, cursor: undefined };
const ROOM = ["max-len", "cursor"];
/** Longest text in bytes, unless a limit allows longer header fields or URLs. */
const MAX_TEXT = 2 ** 20;

/** Conversions between the values of a signature and those of its implementation. */
export interface Converters {
  /** Type of the result without its error. */
  readonly ok: WitType | undefined;
  read(sandbox: Sandbox, args: readonly unknown[]): unknown[];
  write(sandbox: Sandbox, value: unknown, args: readonly unknown[]): unknown;
  /** Drops objects that were passed as owned handles by number, if the call is refused. */
  release(sandbox: Sandbox, args: readonly unknown[]): void;
}

/** Drops the object of a handle, if there still is one. */
export function dropNumber(sandbox: Sandbox, number: number): void {
  const { handles } = sandbox;
  if (!handles.has(number)) return;
  const item = handles.take(Object as unknown as abstract new () => object, number);
  if (item instanceof RequestPromise) sandbox.requests.unlisten(item);
  else if (item instanceof Waitable) item.drop();
}

export function convertersOf({ names, params, result }: Signature, raw: boolean): Converters {
  const own = names.flatMap((name, i) => ROOM.includes(name) ? [] : [i]);
  const reads = own.map((i) => raw ? (_: Sandbox, value: unknown) => value : readerOf(params[i]!));
  const max = names.indexOf("max-len");
  const cursor = names.indexOf("cursor");
  const ok = result?.kind === "result" ? result.parts[0] : result;
  const write = writerOf(ok);
  return {
    ok,
    read(sandbox, args) {
      const values: unknown[] = [];
      try {
        for (const [at, i] of own.entries()) {
          const value = args[i];
          if (typeof value === "string") checkText(sandbox, value);
          values.push(reads[at]!(sandbox, value));
        }
      } catch (error) {
        // Objects of owned handles that were taken are dropped if a later value is refused.
        values.forEach((value, at) => {
          if (params[own[at]!]!.kind === "own" && value instanceof Waitable) value.drop();
        });
        throw error;
      }
      return values;
    },
    release(sandbox, args) {
      if (!raw) return;
      for (const i of own) {
        if (params[i]!.kind === "own") dropNumber(sandbox, args[i] as number);
      }
    },
    write: (sandbox, value, args) =>
      write(sandbox, value, {
        max: args[max] as bigint | undefined,
        cursor: args[cursor] as number | undefined,
      }),
  };
}

function checkText({ service: { limits } }: Sandbox, { length }: string): void {
  if (length > MAX_TEXT && length > limits.header_bytes && length > limits.url_bytes) {
    refuse("invalid", `Cannot take a text of ${length} bytes: ${MAX_TEXT} is the most`);
  }
}
