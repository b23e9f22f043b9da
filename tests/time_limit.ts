/**
 * Gives every test of the files that import this a time limit, which Deno holds for tests that wait and for those that
 * loop: it fails the test by its name, and goes on with the next. `assert.ts` imports this for all of them.
 *
 * @module
 */

/** Milliseconds: far more than the slowest test (it builds a crate) takes on a busy machine. */
const MOST = 300_000;

type Options = Partial<Omit<Deno.TestDefinition, "fn">>;

const original = Deno.test as (...args: unknown[]) => void;

/**
 * `Deno.test` in each of its forms: a definition, or a name, options and a function, of which the first two may be left
 * out.
 */
function test(...args: readonly unknown[]): void {
  const name = args.filter((arg) => typeof arg === "string");
  const body = args.filter((arg) => typeof arg === "function");
  const options = args.find((arg) => typeof arg === "object") as Options | undefined;
  original(...name, { timeout: MOST, ...options }, ...body);
}

Object.assign(Deno, { test: Object.assign(test, Deno.test) });
