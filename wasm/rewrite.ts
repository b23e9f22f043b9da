import { Id, Reader, Writer } from "./binary.ts";
import {
  CodeRewriter,
  copyGlobalsBody,
  growBody,
  markBody,
  type Plan,
  type ResetPlan,
} from "./code.ts";
import { CONTROL, controlPages, HOST, RESTORE, SAVE, WATCH } from "./control.ts";
import { UnknownForm } from "./instructions.ts";
import { type Layout, layoutOf, type MemoryLimits, stateOf } from "./layout.ts";
import { Offsets } from "./offsets.ts";
import { I32 } from "./writes.ts";

/** What a module is rewritten for. */
export interface Wanted {
  /** Whether the host can stop the code while it runs. */
  readonly checks: boolean;
  /** Whether the host can put instances back to their first state; `cards` if writes mark where they are. */
  readonly reset?: { readonly cards: boolean } | undefined;
}

/** A module that the host can stop, or whose instances it can put back. Its memories are the host's, which hands them in. */
export interface Rewritten {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly memories: readonly MemoryLimits[];
  readonly offsets: Offsets;
  /** There if instances can be put back. */
  readonly resetting: Resetting | undefined;
}

/** How instances of a rewritten module are put back. */
export interface Resetting {
  /** Pages that the memory starts with. */
  readonly least: number;
  /** Whether writes mark their cards. */
  readonly cards: boolean;
  /** Whether code runs while an instance is made, so that two may differ. */
  readonly starts: boolean;
}

/** Kinds of imports and exports. */
const FUNCTION = 0;
const MEMORY = 2;
const MUTABLE = 1;
/** Flags of a memory's limits. */
const HAS_MAXIMUM = 1;
const SHARED = 2;
/** Functions that a reset adds. */
const ADDED = 4;

/**
 * Rewrites a guest so that it can be stopped, or its instances can be reset. Function, type and global indices stay as
 * they are; its memories become imports, so that one more can be shared by all instances and a thread of the host.
 *
 * For a stop, each loop and each function that calls looks at the first word of that memory, and traps if it is 0.
 *
 * For a reset:
 * - Every mutable global gets a shadow; two functions copy them all aside and back.
 * - `memory.size` and `memory.grow` tell of a virtual size, for the real memory never shrinks. Between the two a
 *   guest's access does not trap; a reset cleans there too.
 * - With `cards`, each write to memory marks the 4 KiB card that it begins on in a memory of the instance's own, so
 *   that a reset puts back only what was written.
 *
 * @throws {UnknownForm} If it cannot be done; the message completes "because".
 */
export function rewrite(bytes: Uint8Array, { checks, reset }: Wanted): Rewritten {
  const layout = layoutOf(bytes);
  const { memories, imported } = layout;
  const plan: Plan = {
    imported: imported.functions,
    watch: checks ? memories.length : undefined,
    reset: reset && resetPlanOf(bytes, layout, reset.cards),
  };
  const offsets = new Offsets();
  const out = new Writer(bytes.length * 2).raw(bytes.subarray(0, 8));
  const context = { bytes, layout, plan, out, offsets };
  for (const { id, start, end } of layout.sections) {
    if (id === Id.function && !layout.find(Id.import)) writeImports(context);
    const write = SECTIONS.get(id);
    const writeForReset = plan.reset && RESET_SECTIONS.get(id);
    if (write) write(context);
    else if (writeForReset) writeForReset(context, plan.reset!);
    else if (id !== Id.memory) out.raw(bytes.subarray(start, end));
  }
  return {
    bytes: out.view(),
    memories,
    offsets,
    resetting: plan.reset && resettingOf(layout, plan.reset),
  };
}

function resetPlanOf(bytes: Uint8Array, layout: Layout, cards: boolean): ResetPlan {
  const state = stateOf(bytes, layout);
  return { ...state, cards, grow: state.functions, control: layout.memories.length + 1 };
}

function resettingOf(layout: Layout, { least, cards }: ResetPlan): Resetting {
  return { least, cards, starts: layout.find(Id.start) !== undefined };
}

interface Context {
  readonly bytes: Uint8Array;
  readonly layout: Layout;
  readonly plan: Plan;
  readonly out: Writer;
  readonly offsets: Offsets;
}

/** Sections that every rewritten module has anew. */
const SECTIONS: ReadonlyMap<number, (context: Context) => void> = new Map([
  [Id.import, writeImports],
  [Id.code, writeCode],
]);

/** Sections that a reset adds to, and in place of the guest's memory the state's. */
const RESET_SECTIONS: ReadonlyMap<number, (context: Context, plan: ResetPlan) => void> = new Map([
  [Id.type, (context: Context) =>
    extend(context, Id.type, 3, (w) => {
      w.byte(0x60, 1, I32, 1, I32); // grow
      w.byte(0x60, 2, I32, I32, 0); // mark
      w.byte(0x60, 0, 0); // save, restore
    })],
  [Id.function, (context: Context) =>
    extend(context, Id.function, ADDED, (w) => {
      const first = context.layout.count(Id.type);
      for (const type of [first, first + 1, first + 2, first + 2]) w.unsigned(type);
    })],
  [Id.memory, ({ out }: Context, { most }: ResetPlan) =>
    void out.byte(Id.memory).sized((w) => {
      const pages = controlPages(most);
      w.unsigned(1).byte(HAS_MAXIMUM).unsigned(pages).unsigned(pages);
    })],
  [
    Id.global,
    (context: Context, { mutable }: ResetPlan) =>
      extend(context, Id.global, mutable.length, (w) => {
        for (const { type, value } of mutable) w.raw(type).byte(MUTABLE).raw(value);
      }),
  ],
  [
    Id.export,
    (context: Context, { grow, control }: ResetPlan) =>
      extend(context, Id.export, 3, (w) => {
        w.name(CONTROL).byte(MEMORY).unsigned(control);
        w.name(SAVE).byte(FUNCTION).unsigned(grow + 2);
        w.name(RESTORE).byte(FUNCTION).unsigned(grow + 3);
      }),
  ],
]);

/** Writes a section again with more entries at its end; one that is not there gets only those. */
function extend(
  { bytes, layout, out }: Context,
  id: number,
  added: number,
  fill: (w: Writer) => void,
): void {
  out.byte(id).sized((w) => {
    const section = layout.find(id);
    const reader = new Reader(bytes, section?.body);
    const count = section ? reader.unsigned() : 0;
    w.unsigned(count + added);
    if (section) w.raw(bytes.subarray(reader.at, section.end));
    fill(w);
  });
}

function writeImports(context: Context): void {
  const { memories } = context.layout;
  extend(context, Id.import, memories.length + 1, (w) => {
    memories.forEach(({ least, most, shared }, index) => {
      w.name(HOST).name(String(index)).byte(MEMORY, HAS_MAXIMUM | (shared ? SHARED : 0));
      w.unsigned(least).unsigned(most);
    });
    w.name(HOST).name(WATCH).byte(MEMORY, HAS_MAXIMUM | SHARED, 1, 1);
  });
}

function writeCode({ bytes, layout, plan, out, offsets }: Context): void {
  const { reset } = plan;
  const reader = new Reader(bytes, layout.find(Id.code)!.body);
  const count = reader.unsigned();
  const w = new Writer(bytes.length * 2).unsigned(count + (reset ? ADDED : 0));
  const code = new CodeRewriter(reader, plan, offsets);
  for (let i = 0; i < count; i++) code.rewrite(w, i);
  if (code.obstacle) throw new UnknownForm(code.obstacle);
  if (reset) {
    const saved = reset.mutable.map(({ index }, i) => [index, reset.globals + i] as const);
    w.sized((body) => growBody(body, reset));
    w.sized((body) => markBody(body, reset));
    w.sized((body) => copyGlobalsBody(body, saved));
    w.sized((body) => copyGlobalsBody(body, saved.map(([own, shadow]) => [shadow, own])));
  }
  out.byte(Id.code).unsigned(w.length);
  offsets.move(out.length);
  out.raw(w.view());
}
