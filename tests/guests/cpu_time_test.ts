import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { withSecondMemory, withSharedMemory } from "../wasm/_machine.ts";
import { guestOf } from "./_spinning.ts";
import { serveGuest, startOrigin } from "./serving.ts";

const MODES = ["auto", "never"] as const;
const STOPPED =
  /^The guest was stopped: cpu_time \d+ms is used up \(it ran for \d+ ms\)\n( {2}(at|\.\.\.) .*\n)+$/;
const TOLD =
  /^The guest was stopped: it had run for \d+ ms, .*: the limit is cpu_time \d+ms\n( {2}(at|\.\.\.) .*\n)+$/;

function ask(app: Fastlike, method = "GET"): Promise<Response> {
  return app.handler(new Request("http://guest.test/", { method }));
}

/** Loads a guest, with its log. */
async function load(guest: Uint8Array | WebAssembly.Module, options: FastlikeOptions = {}) {
  const entries: LogEntry[] = [];
  const app = await Fastlike.load(guest, { ...options, log: (entry) => entries.push(entry) });
  return {
    app,
    told: () => entries.flatMap((entry) => entry.kind === "host" ? [entry.message] : []),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

/** Ways in which a guest may run for ever at a POST; any other request is answered. */
const WAYS: Readonly<Record<string, { readonly act: string; readonly parts?: string }>> = {
  "in a loop": { act: "(loop $on (br $on))" },
  "in a loop by br_table": { act: "(loop $on (br_table $on $on (i32.const 0)))" },
  "in a loop with a parameter": {
    act: "(i32.const 5) (loop $on (param i32) (result i32) (br $on)) (drop)",
  },
  "in calls of each other": {
    act: "(call $even (i32.const 90))",
    parts: `(func $even (param i32)
        (if (local.get 0) (then
          (call $odd (i32.sub (local.get 0) (i32.const 1)))
          (call $odd (i32.sub (local.get 0) (i32.const 1))))))
      (func $odd (param i32)
        (if (local.get 0) (then
          (call $even (i32.sub (local.get 0) (i32.const 1)))
          (call $even (i32.sub (local.get 0) (i32.const 1))))))`,
  },
  "in calls through a table": {
    act: "(call $self (i32.const 90))",
    parts: `(table funcref (elem $self)) (type $t (func (param i32)))
      (func $self (param i32)
        (if (local.get 0) (then
          (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
          (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))`,
  },
  "in tail calls": {
    act: "(call $ping)",
    parts: "(func $ping (return_call $pong)) (func $pong (return_call $ping))",
  },
  "and catches everything": {
    act: "(loop $on (try (do (call $spin)) (catch_all)) (br $on))",
  },
};

for (const reuse of MODES) {
  const suffix = reuse === "auto" ? "" : ", in a new instance each";
  for (const [way, { act, parts }] of Object.entries(WAYS)) {
    Deno.test(`a guest that goes on for ever ${way} is stopped${suffix}`, async () => {
      const guest = await guestOf(`(if (call $is_post) (then ${act})) (call $answer)`, parts);
      await using loaded = await load(guest, { reuse, limits: { cpu_time: 150 } });
      const { app, told } = loaded;
      const response = await ask(app, "POST");
      assertEquals(response.status, 500);
      const message = await response.text();
      assertMatch(message, STOPPED);
      assertMatch(told().join("\n") + "\n", TOLD);
      assertEquals(await (await ask(app)).text(), "done");
    });
  }

  Deno.test(`a guest that spins after its answer costs its client nothing${suffix}`, async () => {
    const guest = await guestOf("(call $answer) (if (call $is_post) (then (call $spin)))");
    await using loaded = await load(guest, { reuse, limits: { cpu_time: 150 } });
    const { app, told } = loaded;
    const response = await ask(app, "POST");
    assertEquals([response.status, await response.text()], [200, "done"]);
    assertEquals(await (await ask(app)).text(), "done");
    assertMatch(told().join("\n") + "\n", TOLD);
  });

  Deno.test(`a body is cut short whose guest spins${suffix}`, async () => {
    await using served = await serveGuest("hello", { reuse, limits: { cpu_time: 150 } });
    await served.app.reload(await guestOf("(call $stream) (call $spin)"));
    const response = await fetch(`http://127.0.0.1:${served.port}/`);
    assertEquals(response.status, 200);
    const failure = await response.text().catch((error) => error);
    assert(failure instanceof Error, `the body must not end well: ${failure}`);
  });

  Deno.test(`the time of all stretches counts, and a guest that catches its end is stopped${suffix}`, async () => {
    const rounds =
      "(loop $on (call $spin_for (i64.const 20)) (call $sleep (i64.const 1)) (br $on))";
    const catching = `(loop $on (try (do ${rounds}) (catch_all)) (br $on))`;
    for (const act of [rounds, catching]) {
      const guest = await guestOf(`(if (call $is_post) (then ${act})) (call $answer)`);
      await using loaded = await load(guest, { reuse, limits: { cpu_time: 150 } });
      const response = await ask(loaded.app, "POST");
      assertEquals(response.status, 500);
      assertMatch(await response.text(), /^The guest was stopped: cpu_time 150ms is used up/);
      assertEquals(await (await ask(loaded.app)).text(), "done");
    }
  });

  Deno.test(`deep recursion is a trap, and others go on${suffix}`, async () => {
    const guest = await guestOf(
      "(if (call $is_post) (then (call $deep (i32.const 0)))) (call $answer)",
      `(func $deep (param i32) (call $deep (i32.add (local.get 0) (i32.const 1)))
        (i32.store (i32.const 0) (local.get 0)))`,
    );
    await using loaded = await load(guest, { reuse });
    const response = await ask(loaded.app, "POST");
    assertEquals(response.status, 500);
    assertMatch(
      await response.text(),
      /^The guest trapped: Maximum call stack size exceeded\n {2}at deep/,
    );
    assertEquals(await (await ask(loaded.app)).text(), "done");
  });
}

Deno.test("a guest that waits for long and runs for little is not stopped", async () => {
  const guest = await guestOf("(call $sleep (i64.const 400)) (call $answer)");
  await using loaded = await load(guest, { limits: { cpu_time: 200 } });
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask(loaded.app)));
  assertEquals(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
});

Deno.test("each request of a sandbox has a time of its own", async () => {
  const guest = await guestOf(`
    (loop $on
      (drop (call $get (i32.const 0) (i32.const 4)))
      (call $spin_for (i64.const 100))
      (call $answer)
      (drop (call $next (i32.const 0) (i32.const 300) (i32.const 80)))
      (br_if $on (i32.eqz
        (call $next_wait (i32.load (i32.const 80)) (i32.const 0) (i32.const 4)))))`);
  await using loaded = await load(guest, { limits: { cpu_time: 350 } });
  for (let i = 0; i < 4; i++) assertEquals(await (await ask(loaded.app)).text(), "done");
  assertEquals(loaded.told(), []);
});

Deno.test("an instance with options of its own may have less time", async () => {
  await using loaded = await load(await guestOf("(call $spin)"));
  const alone = loaded.app.instantiate({ limits: { cpu_time: 50 } });
  const response = await alone.handle(new Request("http://guest.test/"));
  assertEquals(response.status, 500);
  assertMatch(await response.text(), /^The guest was stopped: cpu_time 50ms is used up/);
  assertEquals(loaded.app.status().limits, { cpu_time: 1 });
});

Deno.test("a guest does not pay for another that is woken at the same time", async () => {
  const guest = await guestOf(`
    (if (call $is_post) (then (call $sleep (i64.const 30)) (call $spin))
      (else
        (call $sleep (i64.const 30)) (call $sleep (i64.const 1)) (call $sleep (i64.const 1))))
    (call $answer)`);
  await using loaded = await load(guest, { limits: { cpu_time: 250 } });
  const methods = Array.from({ length: 12 }, (_, i) => i % 4 ? "GET" : "POST");
  const answers = await Promise.all(methods.map((method) => ask(loaded.app, method)));
  assertEquals(
    answers.map(({ status }) => status),
    methods.map((method) => method === "GET" ? 200 : 500),
  );
});

Deno.test("guests that cannot be put back are stopped too", async () => {
  const spins = "(call $spin)";
  const cases: Readonly<Record<string, Uint8Array>> = {
    "several memories": withSecondMemory(await guestOf(spins)),
    "garbage collection": await guestOf(spins, "(type $s (struct (field i32)))"),
    "table": await guestOf(
      `(table.set $t (i32.const 0) (ref.null func)) ${spins}`,
      "(table $t 1 funcref)",
    ),
  };
  for (const [because, guest] of Object.entries(cases)) {
    await using loaded = await load(guest, { limits: { cpu_time: 40 }, allowUnlimited: true });
    const response = await ask(loaded.app);
    assertEquals(response.status, 500, because);
    assertMatch(await response.text(), STOPPED);
    const told = loaded.told();
    assertMatch(told[0]!, new RegExp(`^Each request gets a new .* because .*${because}`));
    assertMatch(`${told.at(-1)}\n`, TOLD);
  }
});

Deno.test("a start function that spins is stopped", async () => {
  const guest = await guestOf("(call $answer)", "(start $spin)");
  await using loaded = await load(guest, { limits: { cpu_time: 40 } });
  const response = await ask(loaded.app);
  assertEquals([response.status, await response.text()], [
    500,
    "Cannot instantiate the program: Error: its start function has used up cpu_time 40ms\n",
  ]);
});

Deno.test("a module that came compiled cannot be stopped, and one line says so", async () => {
  const guest = await guestOf("(call $answer)");
  const module = await WebAssembly.compile(guest as Uint8Array<ArrayBuffer>);
  const reuses = { auto: "Each request gets a new instance of the program, and the", never: "The" };
  for (const [reuse, line] of Object.entries(reuses)) {
    await using loaded = await load(module, { reuse: reuse as "auto" | "never" });
    assertEquals(loaded.told(), [
      `${line} limits cpu_time and memory do not hold, because it came compiled`,
    ]);
  }
});

Deno.test("there is one thread for a service whose guests' time is limited, and none for others", async () => {
  const guest = await guestOf("(call $answer)");
  const made: boolean[] = [];
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    readonly #place = made.push(true) - 1;
    override terminate(): void {
      made[this.#place] = false;
      super.terminate();
    }
  };
  try {
    {
      await using loaded = await load(guest, { limits: { cpu_time: Infinity } });
      assertEquals(await (await ask(loaded.app)).text(), "done");
      assertEquals(made, []);
    }
    {
      await using loaded = await load(guest);
      await loaded.app.reload(guest);
      const alone = await loaded.app.instantiate().handle(new Request("http://guest.test/"));
      assertEquals(await alone.text(), "done");
      assertEquals(await (await ask(loaded.app)).text(), "done");
      assertEquals(made, [true]);
    }
    assertEquals(made, [false]);
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("where there are no threads, a warning says so and guests run", async () => {
  const { Worker } = globalThis;
  globalThis.Worker = class {
    constructor() {
      throw new Error("not here");
    }
  } as unknown as typeof Worker;
  try {
    await using loaded = await load(await guestOf("(call $answer)"));
    assertEquals(await (await ask(loaded.app)).text(), "done");
    assertEquals(loaded.told(), [
      "The limit cpu_time does not hold: no thread can watch it (not here)",
    ]);
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("no other request fails while a guest spins, nor do backends come too late", async () => {
  const count = 20;
  const heard = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let heads = 0;
  await using origin = await startOrigin((request, response) => {
    if (++heads === count) heard.resolve();
    setTimeout(() => {
      response.write("an answer ");
      if (request.url === `/${count - 1}`) begun.resolve();
      setTimeout(() => response.end(`to ${request.url}`), 30);
    }, 30);
  });
  // Shorter than the guest spins, and far longer than a busy machine needs for these requests.
  const timeouts = { connect: 500, firstByte: 500, betweenBytes: 500 };
  const guest = await guestOf("(if (call $is_post) (then (call $spin))) (call $proxy)");
  await using loaded = await load(guest, {
    limits: { cpu_time: 800 },
    backends: { origin: { url: origin.url, timeouts } },
  });
  const paths = Array.from({ length: count }, (_, i) => `/${i}`);
  const answers = Promise.all(paths.map(async (path) => {
    const response = await loaded.app.handler(new Request(`http://guest.test${path}`));
    return [response.status, await response.text()];
  }));
  const stopped = [ask(loaded.app, "POST")];
  await heard.promise;
  stopped.push(ask(loaded.app, "POST"));
  await begun.promise;
  stopped.push(ask(loaded.app, "POST"));
  assertEquals(await answers, paths.map((path) => [200, `an answer to ${path}`]));
  for (const response of await Promise.all(stopped)) {
    assertEquals(response.status, 500);
    await response.text();
  }
});

Deno.test("a guest that waits on shared memory, while nothing else could happen, traps", async () => {
  const wait = (width: 32 | 64) =>
    `(drop (memory.atomic.wait${width} (i32.const 512) (i${width}.const 0) (i64.const -1)))`;
  for (const width of [32, 64] as const) {
    const guest = await guestOf(`(if (call $is_post) (then ${wait(width)})) (call $answer)`);
    await using loaded = await load(withSharedMemory(guest));
    const response = await ask(loaded.app, "POST");
    assertEquals(response.status, 500);
    assertMatch(await response.text(), /^The guest trapped: unreachable/);
  }
});

Deno.test("a guest is not charged for another that it asks in the same process, nor the other for it", async () => {
  const guest = await guestOf(`(if (call $is_post) (then
    (call $sleep (i64.const 1)) (call $ask_without_waiting) (call $spin))) (call $answer)`);
  await using loaded = await load(guest, {
    cache: false,
    limits: { cpu_time: 150 },
    backends: { origin: () => ask(app) },
  });
  const { app } = loaded;
  const response = await ask(app, "POST");
  assertMatch(await response.text(), STOPPED);
  assertEquals(app.status().traps, 0);
  assertEquals(app.status().limits, { cpu_time: 1 });
});
