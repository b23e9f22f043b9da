import { Fastlike } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { guestOf } from "./_spinning.ts";

const WALL = 1500;
/** Other processes that want each processor. */
const BURNERS = 4;

/** Keeps every processor busy until it is disposed of. */
async function burn(): Promise<AsyncDisposable> {
  const count = BURNERS * navigator.hardwareConcurrency;
  const code = "Deno.stdout.writeSync(new Uint8Array(1)); for (;;);";
  const burners = Array.from(
    { length: count },
    () => new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" }).spawn(),
  );
  const begun = burners.map(async ({ stdout }) => {
    const reader = stdout.getReader();
    await reader.read();
    reader.releaseLock();
  });
  await Promise.all(begun);
  return {
    async [Symbol.asyncDispose]() {
      for (const burner of burners) burner.kill("SIGKILL");
      await Promise.all(burners.map(async ({ status, stdout }) => {
        await stdout.cancel();
        await status;
      }));
    },
  };
}

/** A guest that computes until so much time has passed on the wall, then answers with its processor time. */
function computing(): Promise<Uint8Array> {
  return guestOf(
    `(local.set $until (i64.add (call $now) (i64.const ${WALL}000000)))
     (loop $on
       (local.set $i (i32.const 0))
       (loop $work (br_if $work
         (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000))))
       (br_if $on (i64.lt_u (call $now) (local.get $until))))
     (i64.store (i32.const 1000) (call $vcpu))
     (call $respond (i32.const 1000) (i32.const 0))`,
  );
}

const told = typeof (globalThis as { process?: { threadCpuUsage?: unknown } }).process
  ?.threadCpuUsage === "function";

Deno.test({
  name: "on a busy machine a guest pays for its processor time, and not for that of others",
  ignore: !told,
  async fn() {
    await using _ = await burn();
    await using app = await Fastlike.load(await computing(), { limits: { cpu_time: WALL * 0.7 } });
    const response = await app.handler(new Request("http://guest.test/"));
    const bytes = new DataView(await response.arrayBuffer());
    assertEquals(response.status, 200);
    const cpu = bytes.getUint32(0, true);
    assert(cpu > 0 && cpu < WALL * 0.7, `${cpu} ms`);
  },
});

Deno.test({
  name: "on a busy machine a guest that has used up its processor time is stopped",
  ignore: !told,
  async fn() {
    await using _ = await burn();
    await using app = await Fastlike.load(await guestOf("(call $spin)"), {
      limits: { cpu_time: 200 },
    });
    const began = performance.now();
    const response = await app.handler(new Request("http://guest.test/"));
    assertEquals(response.status, 500);
    assertMatch(await response.text(), /^The guest was stopped: cpu_time 200ms is used up/);
    assert(performance.now() - began > 200);
  },
});
