import { Id, Reader, sections, type Writer } from "../../../wasm/rewrite/binary.ts";
import { Op } from "../../../wasm/rewrite/instructions.ts";
import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { rewrite } from "../../../wasm/rewrite/rewrite.ts";
import { assert, assertEquals } from "../../assert.ts";
import { moduleOf } from "../_modules.ts";

const NAME = "metadata.code.branch_hint";
const NONE = 0x40;
const REST = { memory: 2 ** 24, checks: true, reset: { dirtyPages: true } };

/** A hint, and the opcode that it is on. */
interface Found {
  readonly function: number;
  readonly opcode: number;
  readonly value: number;
}

/** The branch hints of a module, in order. */
function hintsOf(bytes: Uint8Array): Found[] {
  const code = sections(bytes).find(({ id }) => id === Id.code)!;
  const bodies: number[] = [];
  const r = new Reader(bytes, code.body);
  for (let left = r.unsigned(); left > 0; left--) {
    const length = r.unsigned();
    bodies.push(r.at);
    r.at += length;
  }
  const { imported } = layoutOf(bytes);
  const found: Found[] = [];
  for (const content of contentsOf(bytes)) {
    for (let functions = content.unsigned(); functions > 0; functions--) {
      const index = content.unsigned();
      let last = -1;
      for (let left = content.unsigned(); left > 0; left--) {
        const offset = content.unsigned();
        assert(offset > last, "the hints of a function are in order");
        last = offset;
        assertEquals(content.unsigned(), 1);
        const opcode = bytes[bodies[index - imported.function]! + offset]!;
        found.push({ function: index, opcode, value: content.byte() });
      }
    }
  }
  return found;
}

/** Readers behind the name of each custom section with hints. */
function contentsOf(bytes: Uint8Array): Reader[] {
  const r = new Reader(bytes, 8);
  const found: Reader[] = [];
  while (r.at < bytes.length) {
    const id = r.byte();
    const end = r.unsigned() + r.at;
    if (id === Id.custom && r.name() === NAME) {
      found.push(new Reader(bytes.subarray(0, end), r.at));
    }
    r.at = end;
  }
  return found;
}

/**
 * `(if (local.get 0) (then (br_if 0 (local.get 0)) (loop (br_if 0 (local.get 0)))))`, with hints for both branches of
 * the guest's.
 */
const BODY = [
  ...[0, Op.localGet, 0, Op.if, NONE, Op.localGet, 0, Op.branchIf, 0],
  ...[Op.loop, NONE, Op.localGet, 0, Op.branchIf, 0, Op.end, Op.end, Op.end],
];

function hinted(hints: (w: Writer) => void): Uint8Array {
  return moduleOf(
    [Id.type, (w) => w.byte(1, 0x60, 1, 0x7f, 0)],
    [Id.function, (w) => w.byte(1, 0)],
    [Id.memory, (w) => w.byte(1, 0, 1)],
    [Id.custom, (w) => w.name("before").byte(1, 2, 3)],
    [Id.custom, (w) => hints(w.name(NAME))],
    [Id.custom, (w) => w.name("behind").byte(4, 5, 6)],
    [Id.code, (w) => w.byte(1).sized((w) => w.byte(...BODY))],
  );
}

Deno.test("a guest's branch hints stay with their branches when it is rewritten, and checks get their own", () => {
  const bytes = hinted((w) => w.byte(1, 0, 3, 3, 1, 0, 7, 1, 1, 13, 1, 1));
  const guest = hintsOf(bytes).map(({ opcode, value }) => [opcode, value]);
  assertEquals(guest, [[Op.if, 0], [Op.branchIf, 1], [Op.branchIf, 1]]);
  const rewritten = rewrite(layoutOf(bytes), REST).bytes;
  assert(WebAssembly.validate(rewritten));
  assertEquals(contentsOf(rewritten).length, 1);
  assertEquals(hintsOf(rewritten).map(({ opcode, value }) => [opcode, value]), [
    [Op.if, 0],
    [Op.branchIf, 1],
    [Op.branchIf, 0], // the check of the loop
    [Op.branchIf, 1],
  ]);
  const others = WebAssembly.Module.customSections;
  const module = new WebAssembly.Module(rewritten);
  assertEquals(others(module, "before").length + others(module, "behind").length, 2);
});

Deno.test("branch hints that cannot be read, or are on nothing, are left out", () => {
  const wrong: ((w: Writer) => void)[] = [
    (w) => w,
    (w) => w.byte(1),
    (w) => w.byte(1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f),
    (w) => w.byte(1, 0, 1, 3, 200, 0),
    (w) => w.byte(1, 9, 1, 3, 1, 0),
    (w) => w.byte(1, 0, 2, 4, 1, 0, 90, 1, 1),
    (w) => w.byte(1, 0, 2, 7, 0, 3, 0),
  ];
  for (const hints of wrong) {
    const rewritten = rewrite(layoutOf(hinted(hints)), REST).bytes;
    assert(WebAssembly.validate(rewritten));
    assertEquals(hintsOf(rewritten).map(({ opcode }) => opcode), [Op.branchIf]);
  }
});

Deno.test("every branch hint of a rewritten program is on a branch", async () => {
  const bytes = await Deno.readFile(new URL("../../../testdata/built/rust.wasm", import.meta.url));
  const hints = hintsOf(rewrite(layoutOf(bytes), REST).bytes);
  assert(hints.length > 1000);
  assertEquals(hints.filter(({ opcode }) => opcode !== Op.branchIf && opcode !== Op.if), []);
});
