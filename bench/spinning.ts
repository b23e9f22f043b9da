/**
 * What a guest that computes costs others, by the number of workers: `deno run -A bench/spinning.ts [WORKERS…]`, by
 * default 1, 2 and 4. Each second one request computes for about half a second; meanwhile 100 others a second, each on a
 * connection of its own, ask for little. Prints their times.
 *
 * @module
 */
/** Milliseconds that are measured. */
const MEASURED = 10_000;
const EVERY = 10;
const SPIN_EVERY = 1_000;

/** Answers at once, or after a loop where the path ends with `n`, as in `/spin`. */
const GUEST = `(module
  (import "fastly_http_req" "body_downstream_get" (func $request (param i32 i32) (result i32)))
  (import "fastly_http_req" "uri_get" (func $uri (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32)
    (drop (call $request (i32.const 0) (i32.const 4)))
    (drop (call $uri (i32.load (i32.const 0)) (i32.const 100) (i32.const 1000) (i32.const 8)))
    (if (i32.eq (i32.load8_u (i32.add (i32.const 99) (i32.load (i32.const 8)))) (i32.const 110))
      (then (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1400000000))))))
    (drop (call $response (i32.const 0)))
    (drop (call $body (i32.const 4)))
    (drop (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))`;

const file = await Deno.makeTempFile({ suffix: ".wat" });
await Deno.writeTextFile(file, GUEST);
const counts = Deno.args.length ? Deno.args.map(Number) : [1, 2, 4];
const rows = ["workers  a spin  requests  p50       p90       p99       most"];
try {
  for (const workers of counts) rows.push(await measure(workers));
} finally {
  await Deno.remove(file);
}
// deno-lint-ignore no-console
console.log(rows.join("\n"));

async function measure(workers: number): Promise<string> {
  await using server = await served([file, "--workers", `${workers}`]);
  const { port } = server;
  for (let i = 0; i < 50; i++) await get(port, "/");
  const times: number[] = [];
  const spins: number[] = [];
  const all: Promise<void>[] = [];
  const began = performance.now();
  let spun = began;
  for (let next = began; next < began + MEASURED; next += EVERY) {
    if (next >= spun) {
      spun += SPIN_EVERY;
      all.push(get(port, "/spin").then((millis) => void spins.push(millis)));
    }
    all.push(get(port, "/").then((millis) => void times.push(millis)));
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(0, next + EVERY - performance.now()))
    );
  }
  await Promise.all(all);
  times.sort((a, b) => a - b);
  const at = (part: number) => `${times[Math.floor((times.length - 1) * part)]!.toFixed(1)} ms`;
  const spin = `${Math.round(Math.min(...spins))} ms`;
  const cells = [`${workers}`, spin, `${times.length}`, at(0.5), at(0.9), at(0.99), at(1)];
  return cells.map((cell, i) => cell.padEnd([9, 8, 10, 10, 10, 10, 0][i]!)).join("").trimEnd();
}

/** Starts the executable on a free port; its access lines go nowhere. */
async function served(args: readonly string[]): Promise<AsyncDisposable & { port: number }> {
  const cli = new URL("../cli.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", cli, ...args, "--bind", "127.0.0.1:0"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const { promise, resolve } = Promise.withResolvers<number>();
  const drained = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const [, port] = /^Listening on \S+:(\d+)/.exec(text) ?? [];
      if (port) resolve(Number(port));
    }
  })();
  return {
    port: await promise,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await drained;
      await child.status;
    },
  };
}

/** Milliseconds of a request on a new connection. */
async function get(port: number, path: string): Promise<number> {
  const began = performance.now();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(4096);
  let count = 0;
  for (let read; (read = await connection.read(buffer)) !== null;) count += read;
  if (!count) throw new Error(`No response to ${path}`);
  return performance.now() - began;
}
