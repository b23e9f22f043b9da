/**
 * For every program whose lookups, inserts and purges overlap, a cache over a driver behaves like one without, or like
 * one whose driver answers at once.
 *
 * @module
 */
import { Cache } from "../../../service/cache/cache.ts";
import type { CacheContent } from "../../../service/cache/content.ts";
import type { CacheDriver } from "../../../service/cache/driver.ts";
import type { LookupResult, PendingLookup } from "../../../service/cache/lookup_result.ts";
import { memoryCacheDriver } from "../../../service/cache/memory_driver.ts";
import type { FoundObject, WriteOptions } from "../../../service/cache/object.ts";
import { collect } from "../../../service/http/bytes.ts";
import { assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { type Saying, written } from "./_cache.ts";
import { fields, MIB, type Open } from "./_persisted_cache.ts";

const KEYS = ["a", "b"];
const VARIANTS = ["1", "2"];

/** Step: an action of a program, or an event. `which` is the place of the subject among those of its kind. */
type Step =
  | { readonly do: "insert"; readonly key: string; readonly variant: string; readonly say: Say }
  | {
    readonly do: "transact" | "lookup" | "replace" | "force";
    readonly key: string;
    readonly variant: string;
    /** Range to read at once of what is found, while it may still be written; by default nothing is read. */
    readonly read: Range | undefined;
  }
  | End
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "write"; readonly which: number; readonly length: number }
  | { readonly do: "finish" | "abort"; readonly which: number }
  | { readonly do: "purge" | "soft"; readonly surrogate: string }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "turn" | "restart" };
type Range = readonly [from?: number, to?: number];
type Say = Saying & { readonly sensitive: boolean };
/** Ends an obligation. */
interface End {
  readonly do: "fulfil" | "update" | "cancel" | "use stale" | "release";
  readonly which: number;
  readonly say: Say;
}

function stepsOf(restarts: boolean): fc.Arbitrary<Step[]> {
  const key = fc.constantFrom(...KEYS);
  const variant = fc.constantFrom(...VARIANTS);
  const which = fc.nat(3);
  const say = fc.record({
    maxAge: fc.constantFrom(0, 5, 60, 60),
    swr: fc.constantFrom(0, 30),
    sie: fc.constantFrom(0, 60),
    vary: fc.constantFrom("", "x-variant", "x-other x-variant"),
    keys: fc.subarray(["x", "y"]),
    sensitive: fc.constantFrom(false, false, false, true),
  });
  const length = fc.constantFrom(1, 1000, 300_000, 700_000);
  const of = <D extends Step["do"]>(weight: number, names: D[], more: object) => ({
    weight,
    arbitrary: fc.record({ do: fc.constantFrom(...names), ...more }) as unknown as fc.Arbitrary<
      Step
    >,
  });
  const step = fc.oneof(
    of(4, ["insert"], { key, variant, say }),
    of(6, ["transact", "transact", "transact", "lookup", "replace", "force"], {
      key,
      variant,
      read: fc.constantFrom<Range | undefined>(
        undefined,
        undefined,
        [],
        [],
        [0, 1000],
        [999, 700_001],
        [300_000],
        [700_000, 1_400_000],
      ),
    }),
    of(6, ["fulfil", "fulfil", "update", "update", "cancel", "use stale", "release"], {
      which,
      say,
    }),
    of(1, ["leave"], { which }),
    of(3, ["write"], { which, length }),
    of(4, ["finish", "finish", "finish", "abort"], { which }),
    of(2, ["purge", "soft"], { surrogate: fc.constantFrom("x", "y") }),
    of(1, ["pass"], { seconds: fc.nat(40) }),
    of(3, ["turn"], {}),
    ...restarts ? [of(1, ["restart"], {})] : [],
  );
  return fc.array(step, { minLength: 2, maxLength: 40, size: "max" });
}

/** A cache, and what a program has of it. */
class World {
  readonly #reopen: (() => Promise<CacheDriver>) | undefined;
  readonly #clock: { now: number };
  #cache: Cache;
  readonly #writing: CacheContent[] = [];
  readonly #held: LookupResult[] = [];
  #waiting: { readonly pending: PendingLookup; readonly read: Range | undefined }[] = [];
  readonly #reads: Promise<unknown>[] = [];
  #salt = 0;

  constructor(
    clock: { now: number },
    driver?: CacheDriver,
    reopen?: () => Promise<CacheDriver>,
  ) {
    this.#clock = clock;
    this.#reopen = reopen;
    this.#cache = new Cache(64 * MIB, () => clock.now, driver);
  }

  /** Does a step, which may make lookups ready. */
  take(step: Step): void {
    switch (step.do) {
      case "insert":
        this.#begin(this.#cache.insert(step.key, fields(step.variant), optionsOf(step.say)));
        break;
      case "transact":
        return this.#wait(this.#cache.transaction(step.key, fields(step.variant)), step.read);
      case "lookup":
        return this.#wait(this.#cache.lookup(step.key, fields(step.variant)), step.read);
      case "replace":
      case "force": {
        const strategy = step.do === "force" ? "immediate-force-miss" : "wait";
        const pending = this.#cache.replace(step.key, fields(step.variant), strategy);
        return this.#wait(pending, step.read);
      }
      case "leave":
        this.#waiting.splice(step.which, 1).forEach(({ pending }) => pending.cancel());
        break;
      case "write":
        this.#writing[step.which]?.write(new Uint8Array(step.length).fill(++this.#salt));
        break;
      case "finish":
        this.#writing.splice(step.which, 1).forEach((content) => content.finish());
        break;
      case "abort":
        this.#writing.splice(step.which, 1).forEach((content) => abort(content));
        break;
      case "purge":
      case "soft":
        this.#cache.purge(step.surrogate, step.do === "soft");
        break;
      case "fulfil":
      case "update":
      case "cancel":
      case "use stale":
      case "release":
        this.#end(step);
    }
  }

  #end({ do: what, which, say }: End): void {
    const [held] = this.#held.splice(which, 1);
    if (!held?.obligation) return;
    const { found, obligation } = held;
    if (what === "fulfil") this.#begin(obligation.insert(optionsOf(say)));
    else if (what === "update" && found) {
      obligation.update(optionsOf(say)).object.content.dropBroken();
    } else if (what === "use stale") obligation.useStale();
    else if (what === "release") obligation.release();
    else obligation.cancel();
  }

  #begin({ content }: { readonly content: CacheContent }): void {
    this.#writing.push(content);
  }

  #wait(pending: PendingLookup, read: Range | undefined): void {
    this.#waiting.push({ pending, read });
  }

  /** For each lookup that waits whether it is ready. */
  get ready(): boolean[] {
    return this.#waiting.map(({ pending }) => pending.ready);
  }

  /** Waits for the driver until the lookups are ready that are so in another world. */
  async untilReady(ready: readonly boolean[]): Promise<void> {
    for (const [i, { pending }] of this.#waiting.entries()) {
      while (ready[i] && !pending.ready) await pending.whenReady();
    }
  }

  /** Takes the results of the lookups that are ready, and tells all that can be seen of them. */
  results(): unknown[] {
    const ready = this.#waiting.filter(({ pending }) => pending.ready);
    this.#waiting = this.#waiting.filter(({ pending }) => !pending.ready);
    return ready.map(({ pending, read }) => {
      const { found, obligation } = pending.take();
      if (obligation) this.#held.push({ found, obligation });
      if (found && read) this.#reads.push(contentOf(found, read));
      return [obligation !== undefined, found && factsOf(found)];
    });
  }

  /** Ends all that was begun, and returns what readers have read. */
  async end(): Promise<unknown[]> {
    for (const content of this.#writing.splice(0)) content.finish();
    for (const { pending } of this.#waiting.splice(0)) pending.cancel();
    for (const { obligation } of this.#held.splice(0)) obligation!.cancel();
    return await Promise.all(this.#reads.splice(0));
  }

  /** Begins anew with the driver's objects. A cache without one loses those that a driver does not get. */
  async restart(): Promise<void> {
    await Promise.resolve();
    if (!this.#reopen) return void this.#cache.purge("sensitive", false);
    await this.#cache.close();
    this.#cache = new Cache(64 * MIB, () => this.#clock.now, await this.#reopen());
    await this.#cache.loaded;
  }

  /** All that lookups find. */
  async all(): Promise<unknown[]> {
    const told: unknown[] = [];
    for (const key of KEYS) {
      for (const variant of VARIANTS) {
        this.#wait(this.#cache.lookup(key, fields(variant)), []);
        await this.untilReady([true]);
        told.push(this.results());
      }
    }
    return [told, await this.end()];
  }
}

function optionsOf({ sensitive, ...say }: Say): WriteOptions {
  const keys = sensitive ? [...say.keys!, "sensitive"] : say.keys!;
  return { ...written({ ...say, keys }), sensitive };
}

function abort(content: CacheContent): void {
  content.abort(new Error("aborted"));
  content.dropBroken();
}

function factsOf({ object, phase, hits, length }: FoundObject): unknown {
  return [phase, hits, length, `${object.age}`, object.purged, object.content.written];
}

/** The bytes of a range, as runs of the same byte; or why it breaks off. */
async function contentOf({ object }: FoundObject, [from, to]: Range): Promise<unknown> {
  try {
    const runs: [byte: number, length: number][] = [];
    for (const byte of await collect(object.content.read(from, to))) {
      const last = runs.at(-1);
      if (last?.[0] === byte) last[1]++;
      else runs.push([byte, 1]);
    }
    return runs;
  } catch (error) {
    return (error as Error).message;
  }
}

async function assertSame(steps: readonly Step[], clock: { now: number }, worlds: World[]) {
  const [tested, other] = worlds as [World, World];
  const restart = async (title: string) => {
    assertEquals(await tested.end(), await other.end(), title);
    for (const world of worlds) await world.restart();
  };
  for (const [i, step] of steps.entries()) {
    const title = `step ${i}: ${JSON.stringify(step)}`;
    clock.now++; // of objects of one millisecond the order is lost by a restart
    if (step.do === "turn") await new Promise((resolve) => setTimeout(resolve));
    else if (step.do === "pass") clock.now += step.seconds * 1000;
    else if (step.do === "restart") await restart(title);
    else for (const world of worlds) world.take(step);
    await tested.untilReady(other.ready);
    assertEquals(tested.ready, other.ready, title);
    assertEquals(tested.results(), other.results(), title);
  }
  await restart("the end");
  assertEquals(await tested.all(), await other.all(), "after the end");
}

/** Compares a cache over a driver with one that has none, and with one over a driver in memory through restarts. */
export function overlapContract(title: string, open: Open): void {
  for (const restarts of [false, true]) {
    const what = restarts ? "between restarts" : "until a restart";
    Deno.test(`${title}: whatever overlaps ${what}, a program sees what it would without the driver`, async () => {
      await fc.assert(
        fc.asyncProperty(stepsOf(restarts), async (steps) => {
          await using opened = await open();
          const clock = { now: 1_000_000_000 };
          const memory = memoryCacheDriver();
          const tested = new World(clock, opened.driver, () => opened.reopen());
          const other = restarts
            ? new World(clock, memory, () => Promise.resolve(memory))
            : new World(clock);
          await assertSame(steps, clock, [tested, other]);
        }),
        { numRuns: 100 },
      );
    });
  }
}
