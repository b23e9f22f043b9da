import { assemble } from "../../cli/wat.ts";
import { TestHost } from "../../testing.ts";
import { assert, assertEquals } from "../assert.ts";

/** A guest that answers its two clocks, in nanoseconds: the time of day, and the monotonic one. */
const CLOCKS = await assemble(
  "clocks.wat",
  `(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $time (param i32 i64 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $time (i32.const 0) (i64.const 1) (i32.const 64)))
    (drop (call $time (i32.const 1) (i64.const 1) (i32.const 72)))
    (drop (call $body (i32.const 0)))
    (drop (call $response (i32.const 4)))
    (drop (call $write (i32.load (i32.const 0)) (i32.const 64) (i32.const 16) (i32.const 0)
      (i32.const 8)))
    (drop (call $send (i32.load (i32.const 4)) (i32.load (i32.const 0)) (i32.const 0)))))`,
);

/** Both clocks of the guest, in milliseconds. */
async function clocks(host: TestHost): Promise<[day: number, monotonic: number]> {
  const view = new DataView((await (await host.fetch("/")).bytes()).buffer);
  const millis = (at: number) => Number(view.getBigUint64(at, true)) / 1e6;
  return [millis(0), millis(8)];
}

Deno.test("both clocks of the guest stand still, and move with the time of the test", async () => {
  const now = Date.UTC(2026, 0, 2);
  await using host = await TestHost.start({ wasm: CLOCKS, clock: "frozen", now });
  const [day, monotonic] = await clocks(host);
  assertEquals(day, now);
  assertEquals(await clocks(host), [day, monotonic]);
  await host.advance("90m");
  assertEquals(await clocks(host), [day + 90 * 60e3, monotonic + 90 * 60e3]);
  await host.reset();
  assertEquals(await clocks(host), [day, monotonic]);
});

Deno.test("a clock that runs is moved as well", async () => {
  await using host = await TestHost.start({ wasm: CLOCKS });
  const [day, monotonic] = await clocks(host);
  await host.advance("1d");
  const [later, further] = await clocks(host);
  for (const passed of [later - day, further - monotonic]) {
    assert(passed >= 86400e3 && passed < 86400e3 + 300e3, `${passed}`);
  }
});
