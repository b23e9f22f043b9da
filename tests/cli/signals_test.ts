import { compile } from "../../wasm/program.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { guestOf } from "../guests/_spinning.ts";
import { startOrigin } from "../guests/serving.ts";
import { Cli } from "../process.ts";
import { withFiles } from "./commands.ts";

/** Code of a guest after it has printed a line; the signal is sent then. */
const SPINS = "(call $say) (call $spin)";
const CATCHES = "(call $say) (loop $on (try (do (call $spin)) (catch_all)) (br $on))";
const WAITS = "(call $say) (call $sleep (i64.const 100000))";

/** A function that spins and has as many locals as V8 allows: its store has no room for those that marking needs. */
const FULL = `(func $spin_full (local ${"i32 ".repeat(50_000)})
  (i32.store (i32.const 0) (i32.const 1)) (loop $on (br $on)))`;

const CODES = { SIGINT: 130, SIGTERM: 143 } as const;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends a program that spins, or waits, with ${CODES[signal]}`, async () => {
    for (const start of [SPINS, CATCHES, WAITS]) {
      await withFiles({ "guest.wasm": await guestOf(start) }, async (folder) => {
        await using cli = new Cli(["run", `${folder}/guest.wasm`]);
        await cli.until(/some\n/);
        cli.signal(signal);
        const ended = await cli.end();
        assertEquals([ended.code, ended.signal, ended.stdout], [CODES[signal], null, "some\n"]);
      });
    }
  });
}

Deno.test("SIGTERM ends a program that V8 takes with checks alone, as its locals leave no room for more", async () => {
  const guest = await guestOf("(call $say) (call $spin_full)", FULL);
  const { watched, resetting } = await compile(guest, {
    memory: 128 * 2 ** 20,
    reuse: "auto",
    watch: true,
    allowUnlimited: false,
  });
  assertEquals(watched, true);
  assertMatch(String(resetting), /^V8 refuses it with the code that limits need/);
  await withFiles({ "guest.wasm": guest }, async (folder) => {
    await using cli = new Cli(["run", `${folder}/guest.wasm`]);
    await cli.until(/some\n/);
    cli.signal("SIGTERM");
    const ended = await cli.end();
    assertEquals([ended.code, ended.signal, ended.stdout], [CODES.SIGTERM, null, "some\n"]);
  });
});

Deno.test("SIGINT ends a server whose guest spins, which others have their answers from", async () => {
  const guest = await guestOf(
    "(if (call $is_post) (then (call $ask) (call $spin))) (call $answer)",
  );
  const asked = Promise.withResolvers<void>();
  await using origin = await startOrigin((_, response) => {
    response.end();
    asked.resolve();
  });
  await withFiles({ "guest.wasm": guest }, async (folder) => {
    await using cli = new Cli([
      ...["--addr", "127.0.0.1:0", "--proxy-to", origin.url, `${folder}/guest.wasm`],
    ]);
    const answers: Promise<readonly [number, string]>[] = [];
    const ask = async (url: string, method: string) => {
      const response = await fetch(url, { method });
      return [response.status, await response.text()] as const;
    };
    const url = await cli.url();
    answers.push(ask(url, "GET"));
    await answers[0];
    answers.push(ask(url, "POST"));
    await asked.promise;
    cli.signal("SIGINT");
    const ended = await cli.end();
    const [first, spun] = await Promise.all(answers);
    assertEquals(first, [200, "done"]);
    assertEquals(spun![0], 503);
    assertMatch(spun![1], /^The guest was stopped: the process is about to end\n$/);
    assertEquals([ended.code, ended.signal], [0, null]);
  });
});
