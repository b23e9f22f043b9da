/**
 * For every program, calls of stores over one driver have the results of some order in which each is made at once.
 *
 * @module
 */
import { HostError } from "../../../../service/errors.ts";
import type { KvDriver } from "../../../../service/stores/kv/driver.ts";
import { type KvInsert, KvStore } from "../../../../service/stores/kv/store.ts";
import { assert } from "../../../assert.ts";
import * as fc from "../../../properties.ts";
import { asUtf8, bytes, type OpenDriver, text } from "./driver_contract.ts";

const KEYS = ["a", "aé", "b"];
/** Generation that no entry has. */
const OTHER = 7n;
const PREFIXES = ["", "a", "b"];

/** Call of one of two stores. */
type Call = Insert | Other | List;
interface Insert {
  readonly store: number;
  readonly do: "insert";
  readonly key: string;
  readonly value: string;
  readonly metadata: string;
  readonly mode: NonNullable<KvInsert["mode"]>;
  readonly ttl: number | undefined;
  /** Generation that is demanded: that before the calls of the same time, or another. */
  readonly generation: "any" | "known" | "other";
}
interface Other {
  readonly store: number;
  readonly do: "lookup" | "delete";
  readonly key: string;
}
interface List {
  readonly store: number;
  readonly do: "list";
  readonly prefix: string;
  readonly limit: number;
}
/** Calls at the same time, after some seconds. */
interface Step {
  readonly seconds: number;
  readonly calls: readonly Call[];
}

const store = fc.constantFrom(0, 1);
const key = fc.constantFrom(...KEYS);
const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      store,
      key,
      do: fc.constant("insert"),
      mode: fc.constantFrom("overwrite", "overwrite", "add", "append", "prepend"),
      value: fc.constantFrom("", "1", "2", "3", "x".repeat(1000)),
      metadata: fc.constantFrom("", "m", "é"),
      ttl: fc.constantFrom(undefined, undefined, 1, 30),
      generation: fc.constantFrom("any", "any", "known", "other"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ store, key, do: fc.constantFrom("lookup", "delete") }) },
  {
    weight: 1,
    arbitrary: fc.record({
      store,
      do: fc.constant("list"),
      prefix: fc.constantFrom(...PREFIXES),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
) as fc.Arbitrary<Call>;
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    seconds: fc.constantFrom(0, 0, 0, 1, 30, 61),
    calls: fc.array(call, { minLength: 1, maxLength: 3 }),
  }),
  { maxLength: 15, size: "max" },
);

/** Entry of the model. Its generation is the insert that wrote it. */
interface Entry {
  readonly value: string;
  readonly metadata: string;
  readonly expires: number;
  readonly generation: Insert;
}
type Model = ReadonlyMap<string, Entry>;

/**
 * Makes a call of the model at once.
 *
 * @param before The model before all calls of that time.
 * @returns The result, and the model after it.
 */
function made(model: Model, call: Call, now: number, before: Model): [unknown, Model] {
  const live = new Map([...model].filter(([, { expires }]) => expires > now));
  if (call.do === "list") {
    const keys = [...live.keys()].filter((key) => key.startsWith(call.prefix)).sort(asUtf8);
    return [keys.slice(0, call.limit), live];
  }
  const { key } = call;
  const old = live.get(key);
  if (call.do === "insert") {
    const wanted = call.generation === "known" ? before.get(key)?.generation : undefined;
    const differs = call.generation !== "any" && wanted !== old?.generation;
    if (old && (differs || call.mode === "add")) return ["precondition-failed", live];
    return ["done", live.set(key, written(call, old?.value ?? "", now))];
  }
  if (call.do === "lookup") return [old ? [old.value, old.metadata] : "absent", live];
  return [live.delete(key) ? "done" : "absent", live];
}

function written(call: Insert, old: string, now: number): Entry {
  const { mode, value, metadata, ttl } = call;
  return {
    value: (mode === "append" ? old : "") + value + (mode === "prepend" ? old : ""),
    metadata,
    expires: ttl === undefined ? Infinity : now + ttl * 1000,
    generation: call,
  };
}

async function answer(stores: readonly KvStore[], call: Call, known: Entries): Promise<unknown> {
  const store = stores[call.store]!;
  try {
    if (call.do === "list") return (await store.list(call)).data;
    if (call.do === "lookup") {
      const { value, metadata } = await store.lookup(call.key);
      return [await text(value), metadata];
    }
    if (call.do === "delete") await store.delete(call.key);
    else if (call.do === "insert") await insert(store, call, known.get(call.key)?.generation);
    return "done";
  } catch (error) {
    if (error instanceof HostError) return error.kind;
    throw error;
  }
}

async function insert(store: KvStore, call: Insert, known = OTHER): Promise<void> {
  const { key, value, mode, metadata, ttl, generation } = call;
  const ifGeneration = { any: undefined, known, other: OTHER }[generation];
  await store.insert(key, value ? [bytes(value)] : [], { mode, metadata, ttl, ifGeneration });
}

/** All orders of the items. */
function* orders<T>(items: readonly T[]): Generator<T[]> {
  if (!items.length) yield [];
  for (const [i, item] of items.entries()) {
    for (const rest of orders(items.toSpliced(i, 1))) yield [item, ...rest];
  }
}

type Entries = Map<string, { value: string; metadata: string; generation: bigint }>;

/** Entries that lookups find now. */
async function found(store: KvStore): Promise<Entries> {
  const all: Entries = new Map();
  for (const key of KEYS) {
    try {
      const { value, metadata, generation } = await store.lookup(key);
      all.set(key, { value: await text(value), metadata, generation });
    } catch (error) {
      if (!(error instanceof HostError && error.kind === "absent")) throw error;
    }
  }
  return all;
}

/** Answers, and the entries after them with whether they are new, as a text to compare. */
function shown<G>(
  answers: readonly unknown[],
  before: ReadonlyMap<string, { readonly generation: G }>,
  after: ReadonlyMap<string, { readonly value: string; metadata: string; generation: G }>,
): string {
  const entries = KEYS.map((key) => {
    const { value, metadata, generation } = after.get(key) ?? {};
    return [key, value, metadata, generation === before.get(key)?.generation];
  });
  return JSON.stringify([answers, entries]);
}

/** The models that may be true after the calls, of those that were before: in some order they give what was seen. */
function explained(
  models: readonly Model[],
  calls: readonly Call[],
  now: number,
  seen: string,
): Model[] {
  const explained = new Map<string, Model>();
  const others = new Set<string>();
  for (const before of models) {
    for (const order of orders(calls.map((call, i) => [call, i] as const))) {
      const answers: unknown[] = [];
      let after = before;
      for (const [call, i] of order) [answers[i], after] = made(after, call, now, before);
      const expected = shown(answers, before, after);
      if (expected === seen) explained.set(JSON.stringify([...after].sort()), after);
      else others.add(expected);
    }
  }
  const all = [...others].join("\n");
  assert(explained.size, `The stores gave\n${seen}\nand no order of the calls does, but\n${all}`);
  return [...explained.values()];
}

async function assertOrdered(driver: KvDriver, steps: readonly Step[]): Promise<void> {
  let now = 1_000_000_000;
  const stores = [0, 1].map(() => new KvStore(driver, () => now));
  using _ = { [Symbol.dispose]: () => stores.forEach((store) => store.close()) };
  const highest = new Map<string, bigint>();
  let models: readonly Model[] = [new Map()];
  let before: Entries = new Map();
  for (const { seconds, calls } of steps) {
    now += seconds * 1000;
    const answers = await Promise.all(calls.map((call) => answer(stores, call, before)));
    const after = await found(stores[0]!);
    models = explained(models, calls, now, shown(answers, before, after));
    for (const [key, { generation }] of after) {
      const last = highest.get(key) ?? 0n;
      const grows = generation > last || generation === before.get(key)?.generation;
      assert(grows, `The generation of ${key} is ${generation}, after ${last}`);
      highest.set(key, generation);
    }
    before = after;
  }
}

/** Compares stores over a driver with a model in which each call is made at once, in any order of those of one time. */
export function orderContract(title: string, open: () => Promise<OpenDriver>): void {
  Deno.test(`${title}: calls at the same time have the results of one after another`, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        await using opened = await open();
        await assertOrdered(opened.driver, steps);
      }),
      { numRuns: 50 },
    );
  });
}
