import { Fastlike, type LogEntry } from "../../../mod.ts";
import { Id, Writer } from "../../../wasm/rewrite/binary.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { SPINNING } from "./_large_modules.ts";
import { moduleOf, startingWith } from "../_modules.ts";

const REFUSED = new RegExp(
  "^Cannot run the program: cpu_time and memory would not hold, because V8 refuses it with the code that limits " +
    "need \\([^\\n]{1,210}\\) \\(--allow-unlimited, or the option allowUnlimited, loads it without\\)$",
);

/** Result of a module that never ends: it is stopped, or refused with this message. */
async function outcomeOf(bytes: Uint8Array): Promise<string> {
  let app: Fastlike;
  try {
    app = await Fastlike.load(bytes, { limits: { cpu_time: 50 } });
  } catch (error) {
    return (error as Error).message;
  }
  await using loaded = app;
  const response = await loaded.handler(new Request("http://localhost/"));
  assertMatch(await response.text(), /The guest was stopped: cpu_time 50ms is used up/);
  return "stopped";
}

Deno.test("a module that leaves no room for the code of limits is stopped all the same, or refused", async () => {
  for (const [name, make] of Object.entries(SPINNING)) {
    const outcome = await outcomeOf(make());
    if (outcome !== "stopped") assertMatch(outcome, REFUSED, name);
  }
});

Deno.test("a module for which limits cannot hold is loaded when that is allowed, and the log names them", async () => {
  const entries: LogEntry[] = [];
  const source = SPINNING["a body of 2 MB of loops"]!();
  assertMatch(await outcomeOf(source), REFUSED);
  const log = (entry: LogEntry) => void entries.push(entry);
  await using _app = await Fastlike.load(source, { allowUnlimited: true, log });
  const told = entries.flatMap((entry) => entry.kind === "host" ? [entry.message] : []);
  assertEquals(told.length, 1);
  assertMatch(
    told[0]!,
    /^Each request gets a new instance of the program, and the limits cpu_time and memory do not hold, because V8 refuses it /,
  );
});

// These would not end if the time were not linear in the file.

Deno.test("a million repeated sections are V8's to refuse", async () => {
  for (const id of [Id.function, Id.type, Id.memory]) {
    const w = new Writer().raw(startingWith((w) => w.byte(0, 0x0b)));
    for (let i = 0; i < 1_000_000; i++) w.byte(id, 1, 0);
    await assertRejects(() => Fastlike.load(w.view()), Error, "Cannot compile the program: ");
  }
});

Deno.test("millions of custom sections load, at each place", async () => {
  const parts = [0, 1, 2].map(() => {
    const w = new Writer();
    for (let i = 0; i < 1_000_000; i++) w.byte(0, 1, 0);
    return w.view();
  });
  const module = startingWith((w) => w.byte(0, 0x0b));
  const [head, code] = [module.subarray(0, 8), module.subarray(8)];
  const types = code.subarray(0, 6); // the type section
  const source = new Writer().raw(head).raw(parts[0]!).raw(types).raw(parts[1]!)
    .raw(code.subarray(6)).raw(parts[2]!).view();
  assert(WebAssembly.validate(source));
  await using app = await Fastlike.load(source);
  const response = await app.handler(new Request("http://localhost/"));
  assertEquals([response.status, await response.text()], [200, ""]);
});

Deno.test("a hundred thousand imports and exports load", async () => {
  const count = 100_000;
  const source = moduleOf(
    [Id.type, (w) => w.byte(1, 0x60, 0, 0)],
    [Id.import, (w) => {
      w.unsigned(count);
      for (let i = 0; i < count; i++) w.name("fastlike.host").name(String(i)).byte(0, 0);
    }],
    [Id.function, (w) => w.byte(1, 0)],
    [Id.export, (w) => {
      w.unsigned(count + 1).name("_start").byte(0).unsigned(count);
      for (let i = 0; i < count; i++) w.name(`fastlike${i || ""}.save`).byte(0).unsigned(count);
    }],
    [Id.code, (w) => w.byte(1, 2, 0, 0x0b)],
  );
  await using app = await Fastlike.load(source);
  const response = await app.handler(new Request("http://localhost/"));
  assertEquals([response.status, await response.text()], [200, ""]);
});
