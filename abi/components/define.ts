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

/** What a function of a component does. Handles come as what they stand for. */
export interface Implementation {
  /** Whether it may answer a promise. */
  readonly suspends: boolean;
  /** Whether handles come as their numbers. */
  readonly byNumber?: boolean;
  readonly run: (sandbox: Sandbox, ...values: never[]) => unknown;
}

/** Functions of one interface, by name. */
export type Implementations = Readonly<Record<string, Implementation>>;

/** A function that does what a call of the module's spelling does, with the same values in the same order. */
export function same({ suspends, run }: Hostcall | undefined = never()): Implementation {
  return { suspends, run };
}

function never(): never {
  throw new TypeError("A component's function names a hostcall that there is none of");
}

/** As {@linkcode same}, for calls that take handles by their numbers. */
export function byNumber(call: Hostcall | undefined): Implementation {
  return { ...same(call), byNumber: true };
}

/** A function that answers at once. */
export function now(run: Implementation["run"]): Implementation {
  return { suspends: false, run };
}

/** A function that may wait. */
export function later(run: Implementation["run"]): Implementation {
  return { suspends: true, run };
}

/** Does what a call of the module's spelling does. */
export function invoke<T>(call: Hostcall | undefined, sandbox: Sandbox, ...values: unknown[]): T {
  const { run } = call ?? never();
  return (run as (sandbox: Sandbox, ...values: unknown[]) => unknown)(sandbox, ...values) as T;
}

/** Bytes, one character each. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

/** A text as the bytes of its UTF-8, one character each. */
export function asByteString(text: string): string {
  // deno-lint-ignore no-control-regex -- ASCII is its own
  return /^[\x00-\x7f]*$/.test(text) ? text : byteString(utf8(text));
}

const UTF8 = new TextDecoder();

/** The text whose UTF-8 a byte string is. */
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

/** How a parameter is read: handles become what they stand for. */
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

/** The room that a caller gives for a result. */
interface ResultRoom {
  readonly most: bigint | undefined;
  readonly cursor: number | undefined;
}

/** A list of texts of which a page is asked for. */
function page(texts: readonly string[], { most = 0n, cursor = 0 }: ResultRoom, wantsText: boolean) {
  let joined = "";
  for (let i = cursor; i < texts.length; i++) {
    const next = `${texts[i]}\0`;
    if (BigInt(joined.length + next.length) > most) {
      if (!joined) throw new TooLong(next.length, most);
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

/** How a result is written: objects become handles. */
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
      return (_, value, { most }) => {
        const text = value as string;
        if (most === undefined) return text;
        const { length } = asByteString(text);
        if (BigInt(length) > most) throw new TooLong(length, most);
        return text;
      };
    case "list":
      if (parts[0]?.kind !== "u8") {
        const write = writerOf(parts[0]);
        return (sandbox, value, room) =>
          (value as unknown[]).map((item) => write(sandbox, item, room));
      }
      return (_, value, { most }) => {
        const bytes = typeof value === "string" ? bytesOf(value) : value as Uint8Array;
        if (most !== undefined && BigInt(bytes.length) > most) {
          throw new TooLong(bytes.length, most);
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

/** An IP address from its octets; other variants come as they are, with objects in them. */
function writtenVariant(type: WitType, sandbox: Sandbox, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) {
    const { tag, value: payload } = value as { tag: number; value: unknown };
    return { tag, value: writerOf(type.parts[tag])(sandbox, payload, NO_ROOM) };
  }
  if (value.length === 4) return { tag: 0, value: [...value] };
  const part = (_: unknown, i: number) => value[i * 2]! << 8 | value[i * 2 + 1]!;
  return { tag: 1, value: Array.from({ length: 8 }, part) };
}

/** The octets of an IP address. */
export function octetsOf(
  { tag, value }: { tag: number; value: number[] },
): Uint8Array<ArrayBuffer> {
  if (tag === 0) return Uint8Array.from(value);
  return Uint8Array.from(value.flatMap((part) => [part >> 8, part & 0xff]));
}

const NO_ROOM: ResultRoom = { most: undefined, cursor: undefined };
const ROOM = ["max-len", "cursor"];
/** Longest text in bytes, unless a limit allows a header field or a URL more. */
const MAX_TEXT = 2 ** 20;

/** How the values of a signature become those of its implementation, and what it answers a value of the signature's. */
export interface Converters {
  /** What its result may be, if it is no error. */
  readonly ok: WitType | undefined;
  read(sandbox: Sandbox, args: readonly unknown[]): unknown[];
  write(sandbox: Sandbox, value: unknown, args: readonly unknown[]): unknown;
  /** Lets go of what was given up by its number, when the call is refused. */
  release(sandbox: Sandbox, args: readonly unknown[]): void;
}

/** Lets go of what a number stands for, if it still stands for anything. */
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
  const most = names.indexOf("max-len");
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
        // What was given up to the call is let go of when a later value is refused.
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
        most: args[most] as bigint | undefined,
        cursor: args[cursor] as number | undefined,
      }),
  };
}

function checkText({ service: { limits } }: Sandbox, { length }: string): void {
  if (length > MAX_TEXT && length > limits.header_bytes && length > limits.url_bytes) {
    refuse("invalid", `Cannot take a text of ${length} bytes: ${MAX_TEXT} is the most`);
  }
}
