import { assemble } from "../../cli/wat.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { guestOf } from "./_spinning.ts";

const REUSES = ["auto", "never"] as const;

/** Ways in which a guest may catch the end of its run. */
const CATCHES: Readonly<Record<string, (act: string) => string>> = {
  "try_table": (act) => `(block $caught (try_table (catch_all $caught) ${act}))`,
  "try": (act) => `(try (do ${act}) (catch_all))`,
  "try, again and again": (act) => `(loop $on (try (do ${act}) (catch_all)) (br $on))`,
  "try, after other calls": (act) => `(try (do (call $deep (i32.const 9)) ${act}) (catch_all))`,
};
const DEEP = `(func $deep (param i32)
  (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
    (else (call $exit (i32.const 3)))))`;
/** More than a test may take: no run ends by it. */
const CPU_TIME = "10m";
const EXIT = "(call $exit (i32.const 3))";
/** Actions that a guest may try after it has caught the end of its run. */
const AFTER = "(call $say) (call $answer) (call $exit (i32.const 4))";

async function load(guest: Uint8Array | WebAssembly.Module, options: FastlikeOptions = {}) {
  const entries: LogEntry[] = [];
  const app = await Fastlike.load(guest, {
    limits: { cpu_time: CPU_TIME },
    ...options,
    log: (entry) => entries.push(entry),
  });
  return {
    app,
    printed: () => entries.flatMap((entry) => entry.kind === "stdout" ? [entry.message] : []),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

function ask(app: Fastlike, method = "POST", signal?: AbortSignal): Promise<Response> {
  return app.handler(new Request("http://guest.test/", { method, signal: signal ?? null }));
}

for (const [way, caught] of Object.entries(CATCHES)) {
  for (const reuse of REUSES) {
    Deno.test(`proc_exit ends a run that catches it by ${way} (reuse ${reuse})`, async () => {
      const act = `(if (call $is_post) (then ${caught(EXIT)} ${AFTER})) (call $answer)`;
      await using loaded = await load(await guestOf(act, DEEP), { reuse });
      for (let i = 0; i < 2; i++) {
        const response = await ask(loaded.app);
        assertEquals(response.status, 500);
        assertMatch(await response.text(), /^The guest exited with status 3\n/);
        assertEquals(await (await ask(loaded.app, "GET")).text(), "done");
      }
      assertEquals(loaded.printed(), []);
    });

    Deno.test(`a call that the host does not know ends a run that catches that by ${way} (reuse ${reuse})`, async () => {
      const guest = await assemble(
        "guest.wat",
        `(module
          (import "fastly_newer" "call" (func $exit (param i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $print (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "\\08\\00\\00\\00\\02\\00\\00\\00!\\n")
          ${DEEP}
          (func (export "_start") ${caught(EXIT)}
            (drop (call $print (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))`,
      );
      await using loaded = await load(guest, { reuse });
      const response = await ask(loaded.app);
      assertEquals(response.status, 500);
      assertMatch(await response.text(), /^The guest trapped: Cannot call fastly_newer\.call: /);
      assertEquals(loaded.printed(), []);
      assertEquals(loaded.app.status().traps, 1);
    });
  }

  Deno.test(`a program that runs once exits as it asked to first, though it catches that by ${way}`, async () => {
    const guest = await guestOf(`${caught(EXIT)} ${AFTER}`, DEEP);
    const sources = [guest, await WebAssembly.compile(guest as BufferSource)];
    // Nothing can stop the loop of a module that came compiled.
    for (const source of way.includes("again") ? [guest] : sources) {
      await using loaded = await load(source);
      assertEquals(await loaded.app.run(), 3);
      assertEquals(loaded.printed(), []);
    }
  });
}

Deno.test("a run whose client has left ends, whatever it catches", async () => {
  const waits = "(try (do (call $sleep (i64.const 60000))) (catch_all))";
  for (const reuse of REUSES) {
    const act =
      `(if (call $is_post) (then (loop $on ${waits} (call $say) (br $on)))) (call $answer)`;
    await using loaded = await load(await guestOf(act), { reuse });
    const client = new AbortController();
    const leaving = ask(loaded.app, "POST", client.signal);
    client.abort();
    await leaving.then((response) => response.body?.cancel(), () => {});
    assertEquals(await (await ask(loaded.app, "GET")).text(), "done");
    assertEquals(loaded.printed(), []);
    const { live, idle } = loaded.app.status().instances;
    assertEquals(live - idle, 0);
  }
});

Deno.test("an instance whose guest has exited cleanly serves again", async () => {
  await using loaded = await load(await guestOf("(call $answer) (call $exit (i32.const 0))"));
  for (let i = 0; i < 3; i++) assertEquals(await (await ask(loaded.app)).text(), "done");
  const { instances } = loaded.app.status();
  assert(instances.live === 1, JSON.stringify(instances));
});
