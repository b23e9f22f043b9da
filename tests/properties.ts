/**
 * fast-check for all tests. Each property runs from the same seed, so that a test fails for what a change did and not by
 * chance; `deno task explore` runs it from others.
 *
 * @module
 */
import * as fc from "npm:fast-check@4.10.2";

export * from "npm:fast-check@4.10.2";

const env = (name: string) => Deno.env.get(`PROPERTY_${name}`);
/** Seed of the first round. */
const SEED = Number(env("SEED") ?? 1);
/** How often each property has its full number of runs; each round's seed is one more than that of the last. */
const ROUNDS = Number(env("ROUNDS") ?? 1);
/** Path from the seed to one counterexample, as fast-check prints it. */
const PATH = env("PATH");
/** Milliseconds after which no round begins: a test has five minutes. */
const MOST = 150_000;

function* rounds<T>(parameters?: fc.Parameters<T>): Generator<fc.Parameters<T>> {
  const end = performance.now() + MOST;
  const path = PATH === undefined ? {} : { path: PATH };
  for (let round = 0; round < ROUNDS && performance.now() < end; round++) {
    yield { ...parameters, seed: SEED + round, ...path };
  }
}

async function inTurn<T>(property: fc.IRawProperty<T>, parameters?: fc.Parameters<T>) {
  for (const round of rounds(parameters)) await fc.assert(property, round);
}

/** Runs a property, and throws its counterexample if it has one. */
export const assert = ((property, parameters) => {
  if (property.isAsync()) return inTurn(property, parameters);
  for (const round of rounds(parameters)) fc.assert(property, round);
}) as typeof fc.assert;
