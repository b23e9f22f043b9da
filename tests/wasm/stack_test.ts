import { assemble } from "../../cli/wat.ts";
import { suspending } from "../../wasm/jspi.ts";
import { GuestStack, LOOP } from "../../wasm/stack.ts";
import { withFrames } from "../../wasm/trap.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

const MODULE = new WebAssembly.Module(
  new Uint8Array(
    await assemble(
      "guest.wat",
      `(module
      (import "" "act" (func $act))
      (func $trap (export "trap") unreachable)
      (func $_start (export "_start") (call $act)))`,
    ),
  ),
);

/** Guest that calls a function on a stack of its own. */
function guest(act: (trap: CallableFunction) => unknown): GuestStack {
  const imports = { "": { act: suspending(() => act(exports.trap as CallableFunction)) } };
  const { exports } = new WebAssembly.Instance(MODULE, imports);
  return new GuestStack(exports._start as CallableFunction);
}

Deno.test("a guest runs once for each call, right after its preparation", async () => {
  const seen: string[] = [];
  const stack = guest(() => void seen.push("runs"));
  assertEquals(seen, []);
  for (const name of ["first", "second", "third"]) {
    await stack.run(() => seen.push(name));
  }
  assertEquals(seen, ["first", "runs", "second", "runs", "third", "runs"]);
  stack.end();
});

Deno.test("guests that wait take turns with others on their own stacks", async () => {
  const waits = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const order: number[] = [];
  const stacks = waits.map(({ promise }, i) => guest(() => promise.then(() => order.push(i))));
  const runs = stacks.map((stack) => stack.run(() => {}));
  for (const i of [2, 0, 1]) {
    waits[i]!.resolve();
    await runs[i];
  }
  assertEquals(order, [2, 0, 1]);
  await Promise.all(stacks.map((stack) => stack.run(() => {})));
  assertEquals(order, [2, 0, 1, 0, 1, 2]);
  for (const stack of stacks) stack.end();
});

Deno.test("a run that traps says so, and leaves nothing to go on with", async () => {
  const stack = guest((trap) => trap());
  assert(!stack.over);
  await assertRejects(() => stack.run(() => {}), WebAssembly.RuntimeError, "unreachable");
  assert(stack.over);
  stack.end();
});

Deno.test("a run that a hostcall ends, at once or after a while, says so, and the next may come", async () => {
  const seen: string[] = [];
  const ends: (() => unknown)[] = [
    () => {
      throw new TypeError("exit");
    },
    () => Promise.reject(new TypeError("stop")),
    () => Promise.resolve(),
  ];
  let end = ends[0]!;
  const stack = guest(() => end());
  for (end of [...ends, ...ends]) {
    const error = await stack.run(() => {}).then(() => undefined, (error) => error);
    seen.push(error instanceof TypeError ? error.message : `${error}`);
    assert(!stack.over);
  }
  assertEquals(seen, ["exit", "stop", "undefined", "exit", "stop", "undefined"]);
  stack.end();
});

Deno.test("a trap tells the guest's functions and none of the host's", async () => {
  const stack = guest((trap) => trap());
  const error = await stack.run(() => {}).then(() => undefined, (error: Error) => error);
  assert(error instanceof WebAssembly.RuntimeError);
  assert(error.stack!.includes(LOOP), "it is on the stack");
  const told = withFrames("trapped", error, (offset) => offset).split("\n");
  assertEquals(told.map((line) => line.replace(/ \(.*/, "")), [
    "trapped",
    "  at trap",
    "  at _start",
  ]);
});

for (const [when, ...args] of [["it has ended"], ["nobody uses it any more", "forget"]]) {
  Deno.test(`once ${when}, nothing holds its instances`, async () => {
    const program = new URL("let_go.ts", import.meta.url).pathname;
    const flags = ["run", "-A", "--no-check", "--v8-flags=--expose-gc"];
    const command = new Deno.Command(Deno.execPath(), { args: [...flags, program, ...args] });
    const { code, stdout, stderr } = await command.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals([code, text(stdout), text(stderr)], [0, "more than 12 instances, 0 left\n", ""]);
  });
}

/** Frames of a trap for a stack as V8 prints it: function indices, innermost first, each at its own offset. */
function toldOf(functions: readonly number[]): string[] {
  const error = new Error();
  error.stack = functions.map((index) =>
    `    at f${index} (wasm://wasm/1234:wasm-function[${index}]:0x${index})`
  ).join("\n");
  return withFrames("trapped", error, (offset) => offset).split("\n").slice(1);
}

const times = <T>(count: number, ...items: T[]): T[] =>
  Array.from({ length: count }, () => items).flat();

Deno.test("frames of a recursion are folded, also of functions that call each other", () => {
  assertEquals(toldOf([9, ...times(100, 1), 2]), [
    "  at f9 (0x9)",
    "  at f1 (0x1)",
    "  ... 99 more times",
    "  at f2 (0x2)",
  ]);
  assertEquals(toldOf([...times(50, 1, 2, 3), 1]), [
    "  at f1 (0x1)",
    "  at f2 (0x2)",
    "  at f3 (0x3)",
    "  ... these 3 frames 49 more times",
    "  at f1 (0x1)",
  ]);
  const plain = [1, 1, 2, 3, 2, 3, 4];
  assertEquals(toldOf(plain), plain.map((index) => `  at f${index} (0x${index})`));
});
