import { compile } from "../../wasm/program.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { guestOf } from "../guests/_spinning.ts";
import { startOrigin } from "../guests/serving.ts";
import { CLI, withFiles } from "./commands.ts";

/** What a guest does after it has printed a line, for which the signal waits. */
const SPINS = "(call $say) (call $spin)";
const CATCHES = "(call $say) (loop $on (try (do (call $spin)) (catch_all)) (br $on))";
const WAITS = "(call $say) (call $sleep (i64.const 100000))";

/** A function that spins and has as many locals as V8 allows: its store has no room for those that marking needs. */
const FULL = `(func $spin_full (local ${"i32 ".repeat(50_000)})
  (i32.store (i32.const 0) (i32.const 1)) (loop $on (br $on)))`;

const CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Starts the executable and calls `use` with what it prints, until the process has ended. */
async function started(
  args: readonly string[],
  use: (child: Deno.ChildProcess, until: (pattern: RegExp) => Promise<string>) => Promise<void>,
): Promise<{ code: number; signal: string | null; stdout: string; stderr: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CLI, ...args],
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(20_000),
  }).spawn();
  let stdout = "";
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const read = async () => {
    const { value } = await reader.read();
    stdout += value ?? "";
    return value !== undefined;
  };
  await use(child, async (pattern) => {
    for (;;) {
      const [, found] = pattern.exec(stdout) ?? [];
      if (found !== undefined) return found;
      if (!await read()) throw new Error(`It has not printed ${pattern}: ${await stderr}`);
    }
  });
  while (await read());
  const { code, signal } = await child.status;
  return { code, signal, stdout, stderr: await stderr };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends a program that spins, or waits, with ${CODES[signal]}`, async () => {
    for (const start of [SPINS, CATCHES, WAITS]) {
      await withFiles({ "guest.wasm": await guestOf(start) }, async (folder) => {
        const ended = await started(["run", `${folder}/guest.wasm`], async (child, until) => {
          await until(/(some)\n/);
          child.kill(signal);
        });
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
    const ended = await started(["run", `${folder}/guest.wasm`], async (child, until) => {
      await until(/(some)\n/);
      child.kill("SIGTERM");
    });
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
    const args = ["--addr", "127.0.0.1:0", "--proxy-to", origin.url, `${folder}/guest.wasm`];
    const answers: Promise<readonly [number, string]>[] = [];
    const ask = async (url: string, method: string) => {
      const response = await fetch(url, { method });
      return [response.status, await response.text()] as const;
    };
    const ended = await started(args, async (child, until) => {
      const url = await until(/Listening on (\S+)/);
      answers.push(ask(url, "GET"));
      await answers[0];
      answers.push(ask(url, "POST"));
      await asked.promise;
      child.kill("SIGINT");
    });
    const [first, spun] = await Promise.all(answers);
    assertEquals(first, [200, "done"]);
    assertEquals(spun![0], 503);
    assertMatch(spun![1], /^The guest was stopped: the process is about to end\n$/);
    assertEquals([ended.code, ended.signal], [0, null]);
  });
});
