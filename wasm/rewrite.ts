import { Id, Reader, Writer } from "./binary.ts";
import { CodeRewriter, copyGlobalsBody, growBody, markBody, type Plan } from "./code.ts";
import { CONTROL, controlPages, RESTORE, SAVE } from "./control.ts";
import { UnknownForm } from "./instructions.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { Offsets } from "./offsets.ts";
import { I32 } from "./writes.ts";

/** A module whose instances the host can put back to their first state. */
export interface Rewritten {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly resetting: Resetting;
}

/** How instances of a rewritten module are put back. */
export interface Resetting {
  /** Pages that the memory starts with. */
  readonly least: number;
  /** Whether writes mark their cards. */
  readonly cards: boolean;
  /** Whether code runs while an instance is made, so that two may differ. */
  readonly starts: boolean;
  readonly offsets: Offsets;
}

/** Kinds of exports. */
const FUNCTION = 0;
const MEMORY = 2;
const MUTABLE = 1;
/** Functions that are added. */
const ADDED = 4;

/**
 * Rewrites a guest so that its instances can be reset. Function, type and global indices stay as they are.
 *
 * - Every mutable global gets a shadow; two functions copy them all aside and back.
 * - `memory.size` and `memory.grow` tell of a virtual size, for the real memory never shrinks. Between the two a
 *   guest's access does not trap; a reset cleans there too.
 * - With `cards`, each write to memory marks the 4 KiB card that it begins on in a second memory, so that a reset puts
 *   back only what was written.
 *
 * @throws {UnknownForm} If a reset would not be complete; the message completes "because".
 */
export function rewrite(bytes: Uint8Array, cards: boolean): Rewritten {
  const layout = layoutOf(bytes);
  const { least, most } = layout;
  const plan = { least, most, grow: layout.functions, cards };
  const offsets = new Offsets();
  const out = new Writer(bytes.length * 2).raw(bytes.subarray(0, 8));
  const context = { bytes, layout, plan, out, offsets };
  for (const section of layout.sections) {
    const write = SECTIONS.get(section.id);
    if (write) write(context);
    else out.raw(bytes.subarray(section.start, section.end));
  }
  const starts = layout.find(Id.start) !== undefined;
  return { bytes: out.view(), resetting: { least, cards, starts, offsets } };
}

interface Context {
  readonly bytes: Uint8Array;
  readonly layout: Layout;
  readonly plan: Plan;
  readonly out: Writer;
  readonly offsets: Offsets;
}

/** Sections that are not copied as they are. */
const SECTIONS: ReadonlyMap<number, (context: Context) => void> = new Map([
  [Id.type, (context) =>
    extend(context, Id.type, 3, (w) => {
      w.byte(0x60, 1, I32, 1, I32); // grow
      w.byte(0x60, 2, I32, I32, 0); // mark
      w.byte(0x60, 0, 0); // save, restore
    })],
  [Id.function, (context) =>
    extend(context, Id.function, ADDED, (w) => {
      const first = context.layout.count(Id.type);
      for (const type of [first, first + 1, first + 2, first + 2]) w.unsigned(type);
    })],
  [Id.memory, ({ out, plan: { least, most } }) =>
    void out.byte(Id.memory).sized((w) => {
      const control = controlPages(most);
      w.unsigned(2).byte(1).unsigned(least).unsigned(most);
      w.byte(1).unsigned(control).unsigned(control);
    })],
  [Id.global, (context) =>
    extend(context, Id.global, context.layout.mutable.length, (w) => {
      for (const { type, value } of context.layout.mutable) w.raw(type).byte(MUTABLE).raw(value);
    })],
  [Id.export, (context) =>
    extend(context, Id.export, 3, (w) => {
      const { grow } = context.plan;
      w.name(CONTROL).byte(MEMORY, 1);
      w.name(SAVE).byte(FUNCTION).unsigned(grow + 2);
      w.name(RESTORE).byte(FUNCTION).unsigned(grow + 3);
    })],
  [Id.code, writeCode],
]);

/** Writes a section again with more entries at its end. */
function extend(
  { bytes, layout, out }: Context,
  id: number,
  added: number,
  fill: (w: Writer) => void,
): void {
  out.byte(id).sized((w) => {
    const section = layout.find(id)!;
    const reader = new Reader(bytes, section.body);
    w.unsigned(reader.unsigned() + added).raw(bytes.subarray(reader.at, section.end));
    fill(w);
  });
}

function writeCode({ bytes, layout, plan, out, offsets }: Context): void {
  const reader = new Reader(bytes, layout.find(Id.code)!.body);
  const count = reader.unsigned();
  const w = new Writer(bytes.length * 2).unsigned(count + ADDED);
  const code = new CodeRewriter(reader, plan, offsets);
  for (let i = 0; i < count; i++) code.rewrite(w, layout.parameters[i]!);
  if (code.obstacle) throw new UnknownForm(code.obstacle);
  const saved = layout.mutable.map(({ index }, i) => [index, layout.globals + i] as const);
  w.sized((body) => growBody(body, plan));
  w.sized((body) => markBody(body));
  w.sized((body) => copyGlobalsBody(body, saved));
  w.sized((body) => copyGlobalsBody(body, saved.map(([own, shadow]) => [shadow, own])));
  out.byte(Id.code).unsigned(w.length);
  offsets.move(out.length);
  out.raw(w.view());
}
