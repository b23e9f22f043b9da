import { Id, type Writer } from "../../../wasm/rewrite/binary.ts";
import { moduleOf, startingWith } from "../_modules.ts";

const [LOOP, VOID, BRANCH, END] = [0x03, 0x40, 0x0c, 0x0b];
const SPIN = [LOOP, VOID, BRANCH, 0, END];
const I32 = 0x7f;

/** A part written so many times. */
function repeat(w: Writer, count: number, part: readonly number[]): Writer {
  for (let i = 0; i < count; i++) w.byte(...part);
  return w;
}

const spins = (w: Writer) => void w.byte(0, ...SPIN, END);
const MEMORY = [Id.memory, (w: Writer) => w.byte(1, 0, 1)] as const;

/** Modules that never end, and that V8 accepts as they are, but not with all marks and checks. */
export const SPINNING: Readonly<Record<string, () => Uint8Array>> = {
  "50,000 locals": () =>
    startingWith((w) =>
      // A store needs locals of its own to mark the page that it writes to.
      w.byte(1).unsigned(50_000).byte(I32, 0x41, 0, 0x41, 1, 0x36, 2, 0, ...SPIN, END)
    ),
  "a million types": () =>
    startingWith(spins, (w) => repeat(w.unsigned(1_000_000), 1_000_000, [0x60, 0, 0])),
  "a million functions": () =>
    moduleOf(
      [Id.type, (w) => w.byte(1, 0x60, 0, 0)],
      [Id.function, (w) => repeat(w.unsigned(1_000_000), 1_000_000, [0])],
      MEMORY,
      [Id.export, (w) => w.byte(2).name("_start").byte(0, 0).name("memory").byte(2, 0)],
      [Id.code, (w) => repeat(w.unsigned(1_000_000).sized(spins), 999_999, [2, 0, END])],
    ),
  "600,000 globals": () =>
    startingWith(spins, undefined, [MEMORY, [
      Id.global,
      (w) => repeat(w.unsigned(600_000), 600_000, [I32, 1, 0x41, 0, END]),
    ]]),
  "a body of 2 MB of loops": () =>
    startingWith((w) => repeat(w.byte(0), 600_000, [LOOP, VOID, END]).byte(...SPIN, END)),
  "a body of 1 MB of stores": () =>
    startingWith((w) =>
      repeat(w.byte(0), 1_000_000 / 7, [0x41, 0, 0x41, 1, 0x36, 2, 0]).byte(...SPIN, END)
    ),
};
