import { Additions } from "./additions.ts";
import { Id, Reader, Writer } from "./binary.ts";
import { BranchHints } from "./branch_hints.ts";
import { type Budget, budgetOf, type MemoryLimits } from "./budget.ts";
import { CodeRewriter, type Plan } from "./code.ts";
import { BUDGET, CONTROL, CONTROL_PAGES, PAGE, WATCH } from "./control.ts";
import { BulkPieces, PIECE } from "./bulk.ts";
import { Growth, type SharedBudget } from "./growth.ts";
import { type EarlierCode, EarlierFunctions, planText } from "./earlier_code.ts";
import { UnknownForm } from "./instructions.ts";
import { type Layout, stateOf } from "./layout.ts";
import { tagNamesOf } from "../tag_names.ts";
import { atOnce } from "../turns.ts";
import { type Names, namesFor } from "./names.ts";
import { Offsets } from "./offsets.ts";
import { copyGlobalsBody, growBody, markBody, type ResetPlan } from "./reset_code.ts";
import { askBody, type WatchPlan } from "./watch_code.ts";
import { I32 } from "./writes.ts";

/** Options of {@linkcode rewrite}. */
export interface RewriteOptions {
  /** Bytes that an instance may have in memories and tables; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether checks are added, by which the host can stop the code while it runs. */
  readonly checks: boolean;
  /** Makes instances resettable, with or without writes that mark dirty pages. By default they are not. */
  readonly reset?: { readonly dirtyPages: boolean } | undefined;
  /** Whether the module is of a component, where `control` and `budget` are imported. By default it is not. */
  readonly part?: boolean;
  /** An earlier build, from which functions that are the same are copied. */
  readonly earlier?: EarlierCode | undefined;
}

/** Rewritten module. */
export interface Rewritten {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The guest's own memories, which the host makes for each instance and passes as imports. */
  readonly memories: readonly MemoryLimits[];
  readonly names: Names;
  readonly offsets: Offsets;
  /** Names of tags in the guest, by the names under which they are exported. */
  readonly tags: ReadonlyMap<string, string>;
  /** Undefined if instances cannot be reset. */
  readonly resetting: Resetting | undefined;
  /** All that the form of a function depends on besides the function; see {@linkcode planText}. */
  readonly plan: string;
  /** Instructions that write memory in pieces by added functions; see {@linkcode BulkPieces.pieces}. */
  readonly pieces: readonly (readonly number[])[];
}

/** How instances of a rewritten module are reset. */
export interface Resetting {
  /** Initial size of the memory, in pages. */
  readonly min: number;
  /** Whether writes mark dirty pages. */
  readonly dirtyPages: boolean;
  /** Whether a start function runs while an instance is made, so that two may differ. */
  readonly starts: boolean;
}

const FUNCREF = 0x70;
/**
 * Bytes of code from which a step of rewriting ends, which take a millisecond or two before V8 has optimised the
 * rewriter (bench/gaps.ts).
 */
export const STEP_BYTES = 16 * 1024;
/** Limits of the `budget` memory of a component. */
export const SHARED_BUDGET = { min: 1, max: 1, shared: false } as const;
/** Limits of the `control` memory of a component's memory. */
export const SHARED_CONTROL = { min: CONTROL_PAGES, max: CONTROL_PAGES, shared: false } as const;
const WATCHED = { min: 1, max: 1, shared: true };

/**
 * Rewrites a module so that its memory is bounded, its code can be stopped, and its instances can be reset. The guest's
 * memories become imports, so that another one can be shared by all instances and the watchdog's thread.
 *
 * Bound: `memory.grow` and `table.grow` are replaced by calls of functions that take from a budget.
 *
 * Stop: each loop, each function that calls others, and each bulk instruction first reads the first word of the watchdog's
 * memory; small loops that count their rounds do so in a few of them ({@linkcode loopAt}). If the word is 0, the code
 * calls a function of the host, which says whether to go on. That function is in a table of
 * its own, since an import would change the indices of all functions. A start function becomes an export, which the host
 * calls when the table is filled. Large ranges of memory are written in pieces.
 *
 * Reset:
 * - Every mutable global gets a copy; two functions save and restore all of them.
 * - `memory.size` and `memory.grow` work on a virtual size, since a real memory never shrinks. An access between the two
 *   sizes does not trap; a reset clears those bytes as well.
 * - With `dirtyPages`, each write to memory marks the 1 KiB page that it begins on, so that a reset copies only pages that
 *   were written to. A mark serves all stores near by ({@linkcode MarkedPlaces}), and stores of a loop that go on to
 *   addresses close to the last mark only pages that they come to ({@linkcode StoreMarks}).
 *
 * @throws {UnknownForm} If the module cannot be rewritten; the message completes "because".
 */
export function rewrite(layout: Layout, wanted: RewriteOptions): Rewritten {
  return atOnce(rewriteInSteps(layout, wanted));
}

/** Does the work of {@linkcode rewrite} in steps, between which the event loop can run. */
export function* rewriteInSteps(
  layout: Layout,
  wanted: RewriteOptions,
): Generator<void, Rewritten> {
  const { memory, checks, reset, part = false } = wanted;
  const budget = budgetOf(layout, part ? Infinity : memory);
  const names = namesFor(layout);
  const added = new Additions(layout);
  budget.memories.forEach((limits, index) => {
    added.importMemory(names.host, String(index), limits);
  });
  const watch = added.importMemory(names.host, WATCH, WATCHED);
  const shared = part
    ? {
      control: added.importMemory(names.host, CONTROL, SHARED_CONTROL),
      budget: added.importMemory(names.host, BUDGET, SHARED_BUDGET),
    }
    : undefined;
  const watchPlan = checks ? addWatch(layout, added, names, watch) : undefined;
  const large = part || budget.memories.some(({ max }) => max * PAGE > PIECE);
  const plan: Plan = {
    imported: layout.imported.function,
    watch: watchPlan,
    bulk: watchPlan && large ? new BulkPieces(added, watchPlan) : undefined,
    reset: reset &&
      addReset(layout, added, { budget, names, watch, shared, dirtyPages: reset.dirtyPages }),
    growth: reset || memory === Infinity
      ? undefined
      : new Growth(budget, added, watch, sharedBudget(layout, shared?.budget)),
  };
  const tags = exportTags(layout, added, names);
  const offsets = new Offsets();
  const hints = new BranchHints(layout);
  const earlier = EarlierFunctions.of(wanted.earlier, plan, hints);
  const code = yield* rewriteCode(layout, plan, { offsets, hints }, earlier);
  yield;
  return {
    bytes: added.write({ code, offsets, hints }, checks ? [Id.start] : []),
    memories: budget.memories,
    names,
    offsets,
    tags,
    resetting: plan.reset && resettingOf(layout, plan.reset),
    plan: planText(plan),
    pieces: plan.bulk?.pieces ?? [],
  };
}

function sharedBudget(
  { imported }: Layout,
  budget: number | undefined,
): SharedBudget | undefined {
  return budget === undefined
    ? undefined
    : { budget, memories: imported.memory, tables: imported.table };
}

function resettingOf(layout: Layout, { min, dirtyPages }: ResetPlan): Resetting {
  return { min, dirtyPages, starts: layout.find(Id.start) !== undefined };
}

/** Exports the tags that have a name, so that the host can tell the tag of an exception. */
function exportTags(layout: Layout, added: Additions, names: Names): Map<string, string> {
  const tags = new Map<string, string>();
  for (const [index, name] of tagNamesOf(layout)) {
    added.export(names.tag + index, "tag", index);
    tags.set(names.tag + index, name);
  }
  return tags;
}

/** Adds the function, table and exports that stopping code needs. */
function addWatch(
  { bytes, find }: Layout,
  added: Additions,
  names: Names,
  memory: number,
): WatchPlan {
  const table = added.table(FUNCREF, 1);
  const type = added.type([], []);
  const ask = added.function([], [], (w) => askBody(w, memory, type, table));
  added.export(names.ask, "table", table);
  const start = find(Id.start);
  if (start) added.export(names.start, "function", new Reader(bytes, start.body).unsigned());
  return { memory, ask };
}

/** Adds the globals, functions, memory and exports that a reset needs. */
function addReset(
  layout: Layout,
  added: Additions,
  { budget, names, watch, shared, dirtyPages }: {
    readonly budget: Budget;
    readonly names: Names;
    readonly watch: number;
    /** Indices of the imported memories of a component; undefined for a module that is no part of one. */
    readonly shared: { readonly control: number; readonly budget: number } | undefined;
    readonly dirtyPages: boolean;
  },
): ResetPlan {
  const part = shared !== undefined;
  const { min, mutable, parameters } = stateOf(layout, part);
  const { max = 0, own = 0 } = budget.memories[0] ?? {};
  const control = shared?.control ?? added.memory(CONTROL_PAGES);
  const saved = mutable.map(({ index, type, value }) =>
    [index, added.global(type, value)] as const
  );
  const restored = saved.map(([index, shadow]) => [shadow, index] as const);
  const plan: ResetPlan = {
    min: part ? 0 : min,
    max,
    own,
    budget: shared?.budget,
    parameters,
    dirtyPages,
    watch,
    control,
    grow: added.function([[I32]], [I32], (w) => growBody(w, plan)),
    mark: added.function([[I32], [I32]], [], (w) => markBody(w, plan)),
  };
  const save = added.function([], [], (w) => copyGlobalsBody(w, saved));
  const restore = added.function([], [], (w) => copyGlobalsBody(w, restored));
  if (!part) added.export(names.control, "memory", control);
  added.export(names.save, "function", save);
  added.export(names.restore, "function", restore);
  return plan;
}

/** Rewrites the guest's function bodies. */
function* rewriteCode(
  { bytes, find }: Layout,
  plan: Plan,
  maps: { readonly offsets: Offsets; readonly hints: BranchHints },
  earlier: EarlierFunctions | undefined,
): Generator<void, Writer> {
  const section = find(Id.code);
  if (!section) return new Writer(0);
  const w = new Writer((section.end - section.start) * 2);
  const reader = new Reader(bytes, section.body);
  const count = reader.unsigned();
  const { offsets, hints } = maps;
  const code = new CodeRewriter(reader, plan, offsets, hints);
  let until = reader.at + STEP_BYTES;
  for (let i = 0; i < count;) {
    const copied = earlier?.copy(i, count, reader, w, maps);
    if (!copied) code.rewrite(w, i);
    i += copied || 1;
    if (reader.at < until) continue;
    yield;
    until = reader.at + STEP_BYTES;
  }
  offsets.finish(w.length);
  if (code.obstacle) throw new UnknownForm(code.obstacle);
  return w;
}
