import "./time_limit.ts";
// deno-std is the standard library as plain JavaScript; the types are given here.
import * as std from "npm:deno-std@1.4.0/assert/mod.js";

type Constructor<E extends Error> = abstract new (...args: never[]) => E;

/** Asserts that the value is truthy. */
export const assert: (value: unknown, message?: string) => asserts value = std.assert;
/** Asserts deep equality. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertEquals;
/** Asserts that the values are not deeply equal. */
export const assertNotEquals: <T>(actual: T, expected: T, message?: string) => void =
  std.assertNotEquals;
/** Asserts identity, as `Object.is` sees it. */
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  message?: string,
) => asserts actual is T = std.assertStrictEquals;
/** Asserts that the value is an instance of the class. */
export const assertInstanceOf: <T>(
  actual: unknown,
  expected: abstract new (...args: never[]) => T,
  message?: string,
) => asserts actual is T = std.assertInstanceOf;
/** Asserts that the text matches. */
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void =
  std.assertMatch;
/** Asserts that the text has the other in it. */
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  std.assertStringIncludes;
/** Asserts that the function throws; gives the error. */
export const assertThrows: <E extends Error = Error>(
  run: () => unknown,
  kind?: Constructor<E>,
  messageIncludes?: string,
) => E = std.assertThrows;
/** Asserts that the function rejects; gives the error. */
export const assertRejects: <E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  kind?: Constructor<E>,
  messageIncludes?: string,
) => Promise<E> = std.assertRejects;
