import { Stop } from "../../handles/stop.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../assert.ts";
import { type Bench, bench, BUF, OUT, OUT2, UNTOUCHED } from "./_bench.ts";

const WASI = "wasi_snapshot_preview1";
const [ok, badf, inval, notsup, spipe] = [0, 8, 28, 58, 70];

/** The strings of `args_get` or `environ_get`. */
function strings(b: Bench, what: "args" | "environ"): string[] {
  assertEquals(b.now(WASI, `${what}_sizes_get`, OUT, OUT2), ok);
  const [count, size] = [b.memory.u32(OUT), b.memory.u32(OUT2)];
  const text = BUF + 4 * count;
  b.fill(BUF, 4 * count + size + 8);
  assertEquals(b.now(WASI, `${what}_get`, BUF, text), ok);
  b.assertFilled(text + size, 8);
  const all = b.text(text, size).split("\0");
  assertEquals(all.pop(), "");
  assertEquals(all.length, count);
  let at = text;
  all.forEach((string, i) => {
    assertEquals(b.memory.u32(BUF + 4 * i), at);
    at += new TextEncoder().encode(string).length + 1;
  });
  return all;
}

Deno.test("the only argument is the program's name", () => {
  using b = bench();
  assertEquals(strings(b, "args"), ["compute-app"]);
});

Deno.test("the environment has the variables that guests parse", () => {
  using b = bench({ env: { OWN: "ä=b", FASTLY_POP: "FRA" } });
  const env = Object.fromEntries(strings(b, "environ").map((line) => line.split(/=(.*)/s)));
  assertEquals(Object.keys(env).toSorted(), [
    "FASTLY_CACHE_GENERATION",
    "FASTLY_CUSTOMER_ID",
    "FASTLY_HOSTNAME",
    "FASTLY_IS_STAGING",
    "FASTLY_POP",
    "FASTLY_REGION",
    "FASTLY_SERVICE_ID",
    "FASTLY_SERVICE_VERSION",
    "FASTLY_TRACE_ID",
    "OWN",
  ]);
  assertEquals([env.FASTLY_HOSTNAME, env.FASTLY_POP, env.OWN], ["localhost", "FRA", "ä=b"]);
  assertMatch(env.FASTLY_TRACE_ID, /^0{16}[0-9a-f]{16}$/);
  assertEquals(env.FASTLY_TRACE_ID, b.sandbox.id);
  assertMatch(env.FASTLY_CACHE_GENERATION, /^\d+$/);
  assertMatch(env.FASTLY_SERVICE_VERSION, /^\d+$/);
  assertMatch(env.FASTLY_IS_STAGING, /^[01]$/);
  for (const name of ["CUSTOMER_ID", "REGION", "SERVICE_ID"]) assert(env[`FASTLY_${name}`]);
});

Deno.test("a trace id of the options wins, whatever its length", () => {
  using b = bench({ env: { FASTLY_TRACE_ID: "own", LAST: "ü" } });
  const all = strings(b, "environ");
  assert(all.includes("FASTLY_TRACE_ID=own"));
  assertEquals(all.at(-1), "LAST=ü");
});

Deno.test("the point of presence has three characters", () => {
  using b = bench();
  assert(strings(b, "environ").some((line) => /^FASTLY_POP=...$/.test(line)));
});

function clock(b: Bench, id: number): bigint {
  assertEquals(b.now(WASI, "clock_time_get", id, 1n, OUT), ok);
  return b.memory.u64(OUT);
}

Deno.test("clocks tell nanoseconds and never go back", () => {
  using b = bench();
  const now = BigInt(Date.now()) * 1_000_000n;
  const real = clock(b, 0);
  assert(real > now - 5_000_000_000n && real < now + 5_000_000_000n);
  for (const id of [1, 2, 3]) {
    const first = clock(b, id);
    assert(clock(b, id) >= first);
    assertEquals(b.now(WASI, "clock_res_get", id, OUT), ok);
    assert(b.memory.u64(OUT) > 0n);
  }
  for (const id of [4, -1]) {
    assertEquals(b.now(WASI, "clock_time_get", id, 1n, OUT), inval);
    assertEquals(b.now(WASI, "clock_res_get", id, OUT), inval);
  }
});

Deno.test("real time comes from the option, at every call", async () => {
  let now = 1_700_000_000_000.5;
  using b = bench({ clock: () => now });
  assertEquals(clock(b, 0), 1_700_000_000_000_500_000n);
  now += 1;
  assertEquals(clock(b, 0), 1_700_000_000_001_500_000n);
  const absolute = { clock: 0, ns: 1_700_000_000_011_500_000n, absolute: true };
  const began = performance.now();
  assertEquals(await subscribe(b, [absolute]), ok);
  assert(performance.now() - began >= 9);
});

Deno.test("random bytes come from the option", () => {
  using b = bench({ random: (bytes) => void bytes.fill(7) });
  b.fill(BUF, 8);
  assertEquals(b.now(WASI, "random_get", BUF, 3), ok);
  assertEquals([...b.memory.bytes(BUF, 4)], [7, 7, 7, 0xee]);
});

Deno.test("random bytes never come twice", () => {
  using b = bench();
  const seen = new Set<string>();
  for (let i = 0; i < 2000; i++) {
    assertEquals(b.now(WASI, "random_get", BUF, 16), ok);
    seen.add(b.memory.bytes(BUF, 16).toHex());
  }
  assertEquals(seen.size, 2000);
});

Deno.test("random bytes fill the requested range and no more", () => {
  using b = bench();
  b.fill(BUF, 70_008);
  assertEquals(b.now(WASI, "random_get", BUF, 70_000), ok);
  b.assertFilled(BUF + 70_000, 8);
  const some = b.memory.bytes(BUF, 32);
  assertEquals(b.now(WASI, "random_get", BUF, 70_000), ok);
  assert(b.memory.bytes(BUF, 32).some((byte, i) => byte !== some[i]));
  assertEquals(b.now(WASI, "random_get", BUF, 0xffff_ffff), inval);
  assertEquals(b.now(WASI, "random_get", 0, 0), ok);
});

/** Writes pieces to a descriptor in one call. */
function print(b: Bench, fd: number, ...pieces: string[]): { status: number; written: number } {
  let at = BUF + 256;
  pieces.forEach((piece, i) => {
    const bytes = new TextEncoder().encode(piece);
    b.memory.setBytes(at, bytes);
    b.memory.setU32(BUF + 8 * i, at);
    b.memory.setU32(BUF + 8 * i + 4, bytes.length);
    at += bytes.length;
  });
  b.memory.setU32(OUT, UNTOUCHED);
  const status = b.now(WASI, "fd_write", fd, BUF, pieces.length, OUT);
  return { status, written: b.memory.u32(OUT) };
}

Deno.test("bytes written to standard output and error are logged by lines", () => {
  const b = bench();
  assertEquals(print(b, 1, "one\ntw", "o\n", "", "rest"), { status: ok, written: 12 });
  assertEquals(print(b, 2, "ä\n"), { status: ok, written: 3 });
  assertEquals(print(b, 1), { status: ok, written: 0 });
  b[Symbol.dispose]();
  const lines = b.logs.map((entry) => "message" in entry ? [entry.kind, entry.message] : []);
  assertEquals(lines, [["stdout", "one"], ["stdout", "two"], ["stderr", "ä"], ["stdout", "rest"]]);
});

Deno.test("nothing else can be written to, nor from outside memory", () => {
  using b = bench();
  for (const fd of [0, 3, 99, -1]) {
    assertEquals(print(b, fd, "x"), { status: badf, written: UNTOUCHED });
  }
  assertEquals(b.now(WASI, "fd_write", 1, 0xffff_fff8, 1, OUT), inval);
  assertEquals(b.now(WASI, "fd_write", 1, BUF, 0x2000_0000, OUT), inval);
  b.memory.setU32(BUF, 0x1ffff);
  b.memory.setU32(BUF + 4, 2);
  assertEquals(b.now(WASI, "fd_write", 1, BUF, 1, OUT), inval);
  for (let i = 0; i < 3; i++) {
    b.memory.setU32(BUF + i * 8, 0);
    b.memory.setU32(BUF + i * 8 + 4, 0x10000);
  }
  assertEquals(b.now(WASI, "fd_write", 1, BUF, 3, OUT), inval, "more than all of the memory");
  assertEquals(b.logs, []);
});

Deno.test("standard input is empty", () => {
  using b = bench();
  b.memory.setU32(OUT, UNTOUCHED);
  assertEquals(b.now(WASI, "fd_read", 0, BUF, 1, OUT), ok);
  assertEquals(b.memory.u32(OUT), 0);
  assertEquals(b.now(WASI, "fd_read", 1, BUF, 1, OUT), badf);
});

Deno.test("libc takes standard output and error for terminals, which it flushes by the line", () => {
  using b = bench();
  const seekAndTell = 1n << 2n | 1n << 5n;
  for (const fd of [0, 1, 2]) {
    b.fill(BUF, 32);
    assertEquals(b.now(WASI, "fd_fdstat_get", fd, BUF), ok);
    assertEquals([b.memory.u8(BUF), b.memory.u16(BUF + 2)], [2, 0]);
    assertEquals(b.memory.u64(BUF + 8) & seekAndTell, 0n);
    assertEquals(b.memory.u64(BUF + 16), 0n);
    b.assertFilled(BUF + 24, 8);
    assertEquals(b.now(WASI, "fd_seek", fd, 0n, 0, OUT), spipe);
  }
});

Deno.test("Go may make its standard descriptors non-blocking", () => {
  using b = bench();
  for (const fd of [0, 1, 2]) {
    assertEquals(b.now(WASI, "fd_fdstat_set_flags", fd, 4), ok);
    assertEquals(b.now(WASI, "fd_fdstat_get", fd, BUF), ok);
    assertEquals(b.memory.u16(BUF + 2), 4);
    assertEquals(b.now(WASI, "fd_fdstat_set_flags", fd, 32), inval);
  }
});

Deno.test("a standard descriptor that is closed is not open any more", () => {
  using b = bench();
  for (const fd of [0, 1, 2]) {
    assertEquals(b.now(WASI, "fd_close", fd), ok);
    assertEquals(b.now(WASI, "fd_close", fd), badf);
    assertEquals(b.now(WASI, "fd_fdstat_get", fd, BUF), badf);
    assertEquals(b.now(WASI, "fd_fdstat_set_flags", fd, 0), badf);
  }
  assertEquals(print(b, 1, "x"), { status: badf, written: UNTOUCHED });
  assertEquals(b.now(WASI, "fd_read", 0, BUF, 1, OUT), badf);
});

Deno.test("a stream goes by its new number", () => {
  const b = bench();
  assertEquals(b.now(WASI, "fd_renumber", 1, 2), ok);
  assertEquals(print(b, 1, "x").status, badf);
  assertEquals(print(b, 2, "out\n").status, ok);
  b[Symbol.dispose]();
  assertEquals(b.logs.map(({ kind }) => kind), ["stdout"]);
});

Deno.test("proc_exit ends the guest with its code, and no call does anything after it", () => {
  using b = bench();
  assertEquals(assertThrows(() => b.call(WASI, "proc_exit", 7), Stop).code, 7);
  assertEquals(assertThrows(() => b.call(WASI, "proc_exit", 0), Stop).code, 7);
  assertEquals(assertThrows(() => b.call(WASI, "sched_yield"), Stop).code, 7);
  assertEquals(assertThrows(() => print(b, 1, "after exit\n"), Stop).code, 7);
  assertEquals(b.logs, []);
});

Deno.test("sched_yield leaves the event loop a turn, and there are no signals", async () => {
  using b = bench();
  let turned = false;
  setImmediate(() => turned = true);
  assertEquals(await b.call(WASI, "sched_yield"), ok);
  assert(turned);
  assertEquals(b.now(WASI, "proc_raise", 9), notsup);
});

Deno.test("lists of buffers and of subscriptions have at most 1,024 entries", async () => {
  using b = bench();
  b.memory.setBytes(BUF, new Uint8Array(1025 * 48));
  for (const [count, status] of [[1024, ok], [1025, inval], [0xffff_ffff, inval]] as const) {
    assertEquals(b.now(WASI, "fd_write", 1, BUF, count, OUT), status, `fd_write ${count}`);
    assertEquals(b.now(WASI, "fd_read", 0, BUF, count, OUT), status, `fd_read ${count}`);
    const polled = b.call(WASI, "poll_oneoff", BUF, BUF + 1025 * 48, count, OUT);
    assertEquals(await polled, status, `poll_oneoff ${count}`);
  }
});

// poll_oneoff

const EVENTS = 0x2000;
type Subscription =
  | { clock: number; ns: bigint; absolute?: boolean }
  | { fd: number; kind: 1 | 2 };

function subscribe(b: Bench, subscriptions: readonly Subscription[]): number | Promise<number> {
  subscriptions.forEach((subscription, i) => {
    const at = BUF + 48 * i;
    b.memory.setBytes(at, new Uint8Array(48));
    b.memory.setU64(at, BigInt(i + 100));
    if ("clock" in subscription) {
      b.memory.setU32(at + 16, subscription.clock);
      b.memory.setU64(at + 24, subscription.ns);
      b.memory.setU16(at + 40, subscription.absolute ? 1 : 0);
    } else {
      b.memory.setU8(at + 8, subscription.kind);
      b.memory.setU32(at + 16, subscription.fd);
    }
  });
  b.fill(EVENTS, 32 * subscriptions.length + 32);
  b.memory.setU32(OUT, UNTOUCHED);
  return b.call(WASI, "poll_oneoff", BUF, EVENTS, subscriptions.length, OUT);
}

/** The events: userdata of the subscription, error and kind. */
function events(b: Bench): [userdata: bigint, error: number, kind: number][] {
  const count = b.memory.u32(OUT);
  b.assertFilled(EVENTS + 32 * count, 32);
  return Array.from({ length: count }, (_, i) => {
    const at = EVENTS + 32 * i;
    return [b.memory.u64(at), b.memory.u16(at + 8), b.memory.u8(at + 10)];
  });
}

Deno.test("poll_oneoff of a clock that is due leaves the event loop a turn", async () => {
  using b = bench();
  for (const clock of [0, 1]) {
    let turned = false;
    setImmediate(() => turned = true);
    assertEquals(await subscribe(b, [{ clock, ns: 0n }]), ok);
    assert(turned);
    assertEquals(events(b), [[100n, 0, 0]]);
  }
});

for (const clock of [0, 1]) {
  Deno.test(`poll_oneoff waits for clock ${clock}`, async () => {
    using b = bench();
    const began = performance.now();
    assertEquals(await subscribe(b, [{ clock, ns: 20_000_000n }]), ok);
    assert(performance.now() - began >= 19);
    assertEquals(events(b), [[100n, 0, 0]]);
  });

  Deno.test(`poll_oneoff knows absolute times of clock ${clock}`, async () => {
    using b = bench();
    b.now(WASI, "clock_time_get", clock, 0n, OUT);
    const now = b.memory.u64(OUT);
    const began = performance.now();
    assertEquals(await subscribe(b, [{ clock, ns: now + 20_000_000n, absolute: true }]), ok);
    assert(performance.now() - began >= 15);
    let turned = false;
    setImmediate(() => turned = true);
    assertEquals(await subscribe(b, [{ clock, ns: now, absolute: true }]), ok);
    assert(turned, "what is past is due when the event loop has turned");
    assertEquals(events(b), [[100n, 0, 0]]);
  });
}

Deno.test("the first of several clocks wakes the guest, and only that has an event", async () => {
  using b = bench();
  const status = subscribe(b, [{ clock: 1, ns: 3_600_000_000_000n }, { clock: 1, ns: 1_000_000n }]);
  assertEquals(await status, ok);
  assertEquals(events(b), [[101n, 0, 0]]);
});

Deno.test("descriptors are ready at once", () => {
  using b = bench();
  const never = 0xffff_ffff_ffff_ffffn;
  assertEquals(subscribe(b, [{ clock: 1, ns: never }, { fd: 1, kind: 2 }, { fd: 0, kind: 1 }]), ok);
  assertEquals(events(b), [[101n, 0, 2], [102n, 0, 1]]);
});

Deno.test("a descriptor that is not open has an event that says so", () => {
  using b = bench();
  assertEquals(subscribe(b, [{ fd: 4, kind: 1 }, { fd: 3, kind: 2 }]), ok);
  assertEquals(events(b), [[100n, badf, 1], [101n, badf, 2]]);
});

Deno.test("poll_oneoff refuses nothing, other clocks, other kinds and wild pointers", () => {
  using b = bench();
  assertEquals(subscribe(b, []), inval);
  assertEquals(subscribe(b, [{ clock: 9, ns: 0n }]), inval);
  b.memory.setU8(BUF + 8, 3);
  assertEquals(b.call(WASI, "poll_oneoff", BUF, EVENTS, 1, OUT), inval);
  assertEquals(b.call(WASI, "poll_oneoff", 0xffff_fff0, EVENTS, 1, OUT), inval);
  assertEquals(b.call(WASI, "poll_oneoff", BUF, EVENTS, 0xffff_ffff, OUT), inval);
});

Deno.test("a timer that is waited for ends with the sandbox", async () => {
  const b = bench();
  const polled = subscribe(b, [{ clock: 1, ns: 3_600_000_000_000n }]);
  const rejected = Promise.resolve(polled).then(() => "woken", (error) => error);
  b.sandbox.execution.stop(new Stop("Enough"));
  assert(await rejected instanceof Stop);
  b[Symbol.dispose]();
});
