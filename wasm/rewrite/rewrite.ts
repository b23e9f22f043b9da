import { Additions } from "./additions.ts";
import { Id, Reader, Writer } from "./binary.ts";
import { BranchHints } from "./branch_hints.ts";
import { type Budget, budgetOf, type MemoryLimits } from "./budget.ts";
import { CodeRewriter, type Plan } from "./code.ts";
import { BUDGET, CONTROL, controlPages, WATCH } from "./control.ts";
import { Growth, type SharedBudget } from "./growth.ts";
import { UnknownForm } from "./instructions.ts";
import { type Layout, stateOf } from "./layout.ts";
import { tagNamesOf } from "../tag_names.ts";
import { type Names, namesFor } from "./names.ts";
import { Offsets } from "./offsets.ts";
import { copyGlobalsBody, growBody, markBody, type ResetPlan } from "./reset_code.ts";
import { askBody, type WatchPlan } from "./watch_code.ts";
import { I32 } from "./writes.ts";

/** What a module is rewritten for. */
interface RewriteOptions {
  /** Bytes that an instance may have in memories and tables; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether the host can stop the code while it runs. */
  readonly checks: boolean;
  /** Whether the host can reset instances, and whether writes mark dirty pages for that. */
  readonly reset?: { readonly dirtyPages: boolean } | undefined;
  /** Whether it is a module of a component: the memory of the instance's state is imported, and has the limits. */
  readonly part?: boolean;
}

/** A module whose memory is bounded, and that the host can stop, or whose instances it can put back. */
export interface Rewritten {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The guest's own memories, which the host makes for each instance. */
  readonly memories: readonly MemoryLimits[];
  readonly names: Names;
  readonly offsets: Offsets;
  /** What the guest calls its tags, by what they are exported as. */
  readonly tags: ReadonlyMap<string, string>;
  /** There if instances can be put back. */
  readonly resetting: Resetting | undefined;
}

/** How instances of a rewritten module are put back. */
export interface Resetting {
  /** Pages that the memory starts with. */
  readonly least: number;
  /** Whether writes mark dirty pages. */
  readonly dirtyPages: boolean;
  /** Whether code runs while an instance is made, so that two may differ. */
  readonly starts: boolean;
}

const FUNCREF = 0x70;
/** Functions that are rewritten in one step. */
const STEP = 64;
/** The memory of what the modules of a component may have together. */
export const SHARED_BUDGET = { least: 1, most: 1, shared: false } as const;
/** Pages of the memory of a memory's state, of components: enough for the cards of all that can be addressed. */
export const SHARED_CONTROL = {
  least: controlPages(65536),
  most: controlPages(65536),
  shared: false,
} as const;
const WATCHED = { least: 1, most: 1, shared: true };

/**
 * Rewrites a guest so that its memory is bounded, it can be stopped, or its instances can be reset. Its memories become
 * imports, so that one more can be shared by all instances and a thread of the host.
 *
 * For a bound, `memory.grow` and `table.grow` call functions that take from a budget.
 *
 * For a stop, each loop, each function that calls, and what precedes each bulk instruction looks at the first word of the
 * shared memory. If it is 0, a function of the host says whether to go on: it stands in a table of its own, as an import
 * would move the indices of all functions. A start function becomes an export, to be called when the table is filled.
 *
 * For a reset:
 * - Every mutable global gets a shadow; two functions copy them all aside and back.
 * - `memory.size` and `memory.grow` tell of a virtual size, for the real memory never shrinks. Between the two a
 *   guest's access does not trap; a reset cleans there too.
 * - With `dirtyPages`, each write to memory marks the 4 KiB page that it begins on in a memory of the instance's own, so
 *   that a reset copies only what was written.
 *
 * @throws {UnknownForm} If it cannot be done; the message completes "because".
 */
export function rewrite(layout: Layout, wanted: RewriteOptions): Rewritten {
  const steps = rewriteInSteps(layout, wanted);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** As {@linkcode rewrite}, in steps between which others may have their turn. */
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
  const plan: Plan = {
    imported: layout.imported.function,
    watch: checks ? addWatch(layout, added, names, watch) : undefined,
    reset: reset &&
      addReset(layout, added, { budget, names, watch, shared, dirtyPages: reset.dirtyPages }),
    growth: reset || memory === Infinity
      ? undefined
      : new Growth(budget, added, watch, sharedBudget(layout, shared?.budget)),
  };
  const tags = exportTags(layout, added, names);
  const offsets = new Offsets();
  const hints = new BranchHints(layout);
  const code = yield* rewriteCode(layout, plan, offsets, hints);
  return {
    bytes: added.write({ code, offsets, hints }, checks ? [Id.start] : []),
    memories: budget.memories,
    names,
    offsets,
    tags,
    resetting: plan.reset && resettingOf(layout, plan.reset),
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

function resettingOf(layout: Layout, { least, dirtyPages }: ResetPlan): Resetting {
  return { least, dirtyPages, starts: layout.find(Id.start) !== undefined };
}

/** Exports the tags that have a name, so that the host can tell which one an exception has. */
function exportTags(layout: Layout, added: Additions, names: Names): Map<string, string> {
  const tags = new Map<string, string>();
  for (const [index, name] of tagNamesOf(layout)) {
    added.export(names.tag + index, "tag", index);
    tags.set(names.tag + index, name);
  }
  return tags;
}

/** Adds what stops the code. */
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

/** Adds what an instance's state needs. */
function addReset(
  layout: Layout,
  added: Additions,
  { budget, names, watch, shared, dirtyPages }: {
    readonly budget: Budget;
    readonly names: Names;
    readonly watch: number;
    /** The memories of a component's state, which are imported. */
    readonly shared: { readonly control: number; readonly budget: number } | undefined;
    readonly dirtyPages: boolean;
  },
): ResetPlan {
  const part = shared !== undefined;
  const { least, mutable, parameters } = stateOf(layout, part);
  const { most = 0, own = 0 } = budget.memories[0] ?? {};
  const control = shared?.control ?? added.memory(controlPages(most));
  const saved = mutable.map(({ index, type, value }) =>
    [index, added.global(type, value)] as const
  );
  const restored = saved.map(([index, shadow]) => [shadow, index] as const);
  const plan: ResetPlan = {
    least: part ? 0 : least,
    most,
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

/** Returns the guest's function bodies, rewritten. */
function* rewriteCode(
  { bytes, find }: Layout,
  plan: Plan,
  offsets: Offsets,
  hints: BranchHints,
): Generator<void, Writer> {
  const section = find(Id.code);
  if (!section) return new Writer(0);
  const w = new Writer((section.end - section.start) * 2);
  const reader = new Reader(bytes, section.body);
  const count = reader.unsigned();
  const code = new CodeRewriter(reader, plan, offsets, hints);
  for (let i = 0; i < count; i++) {
    code.rewrite(w, i);
    if (i % STEP === STEP - 1) yield;
  }
  offsets.finish(w.length);
  if (code.obstacle) throw new UnknownForm(code.obstacle);
  return w;
}
