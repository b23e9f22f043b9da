import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { guestOf } from "../guests/wat.ts";
import { VERSION } from "../../cli/version.ts";
import { CliServer, run } from "../process.ts";

const HELLO = new URL("../../testdata/built/hello.wasm", import.meta.url).pathname;
async function withFile(name: string, content: string, use: (path: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/${name}`, content);
    await use(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an unknown flag exits with 2 and a suggestion", async () => {
  assertEquals(await run("--wsam", "x"), {
    code: 2,
    stdout: "",
    stderr: "Unknown flag --wsam: did you mean --wasm?\n",
  });
});

Deno.test("no guest exits with 2", async () => {
  assertEquals(await run(), {
    code: 2,
    stdout: "",
    stderr: "Cannot start without a program: name a .wasm file, or see --help\n",
  });
});

Deno.test("version and help exit with 0", async () => {
  assertEquals(await run("--version"), { code: 0, stdout: `fastlike ${VERSION}\n`, stderr: "" });
  const { code, stdout } = await run("--help");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Examples:");
});

Deno.test("a missing guest exits with 1 and one line", async () => {
  assertEquals(await run("/nowhere/guest.wasm"), {
    code: 1,
    stdout: "",
    stderr: "Cannot read /nowhere/guest.wasm: there is no such file\n",
  });
});

Deno.test("a word that is neither a file nor a command exits with 1 and a way on", async () => {
  const refused = (advice: string) => ({
    code: 1,
    stdout: "",
    stderr: `Cannot read ${advice}\n`,
  });
  const state = "there is no such file";
  assertEquals(await run("hlp"), refused(`hlp: ${state} (did you mean the command help?)`));
  assertEquals(await run("deploy"), refused(`deploy: ${state} (see --help)`));
});

Deno.test("a guest that is no wasm exits with 1 and one line that names it", async () => {
  await withFile("bad.wasm", "not wasm", async (path) => {
    assertEquals(await run(path), {
      code: 1,
      stdout: "",
      stderr: `Cannot run ${path}: it is not a WebAssembly module\n`,
    });
  });
});

Deno.test("a manifest with a mistake exits with 1 and one line", async () => {
  await withFile("fastly.toml", "[local_server.backends.origin]", async (path) => {
    assertEquals(await run("-C", path, HELLO), {
      code: 1,
      stdout: "",
      stderr: `Cannot read ${path}: key "url" is missing in local_server.backends.origin\n`,
    });
  });
  const { code, stderr } = await run("-C", "/nowhere/fastly.toml", HELLO);
  assertEquals([code, stderr], [1, "Cannot read /nowhere/fastly.toml: there is no such file\n"]);
});

Deno.test("a taken port exits with 1 and a way out", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  assertEquals(await run(HELLO, "--bind", `localhost:${port}`), {
    code: 1,
    stdout: "",
    stderr: `Cannot listen on localhost:${port}: the address is in use (try --bind localhost:0)\n`,
  });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`a guest answers, each request has a line, and ${signal} ends it with 0`, async () => {
    const { cli, url } = await CliServer.start([HELLO]);
    await using _ = cli;
    const response = await fetch(`${url}/hello?a=b`);
    assertEquals(response.status, 200);
    const size = (await response.bytes()).length;
    assertMatch(
      await cli.line(),
      new RegExp(`^GET /hello\\?a=b 200 [0-9]+\\.[0-9]ms ${size}B request=[0-9a-f]{32}$`),
    );
    cli.signal(signal);
    assertEquals(await cli.end(), { code: 0, signal: null, stdout: "", stderr: "" });
  });
}

/** Origin that holds a request until it is released. */
function origin(): { url: string; reached: Promise<void>; answer: () => void } & AsyncDisposable {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    reached.resolve();
    await go.promise;
    return new Response("from the origin");
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    reached: reached.promise,
    answer: go.resolve,
    async [Symbol.asyncDispose]() {
      go.resolve();
      await server.shutdown();
    },
  };
}

const RUST = new URL("../../testdata/built/rust.wasm", import.meta.url).pathname;

Deno.test("a running request is answered after the first signal", async () => {
  await using upstream = origin();
  const { cli, url } = await CliServer.start(["-wasm", RUST, "-proxy-to", upstream.url]);
  await using _ = cli;
  const response = fetch(`${url}/proxy/slow`);
  await Promise.race([upstream.reached, response.then(() => unreachable())]);
  cli.signal("SIGINT");
  // The listener is closed once the signal has been taken.
  const { port } = new URL(url);
  while (await isOpen(Number(port)));
  upstream.answer();
  assertStringIncludes(await (await response).text(), "from the origin");
  const { code } = await cli.end();
  assertEquals(code, 0);
});

Deno.test("a second signal ends the process at once", async () => {
  await using upstream = origin();
  const { cli, url } = await CliServer.start(["-wasm", RUST, "-proxy-to", upstream.url]);
  await using _ = cli;
  const response = fetch(`${url}/proxy/slow`).then(() => "answered", () => "cut");
  await Promise.race([upstream.reached, response.then(() => unreachable())]);
  cli.signal("SIGINT");
  while (await isOpen(Number(new URL(url).port)));
  cli.signal("SIGINT");
  // A request that was waited for in vain would be in the access log.
  const { code, stdout } = await cli.end();
  assertEquals([code, stdout], [0, ""]);
  assertEquals(await response, "cut");
});

function unreachable(): never {
  throw new Error("The guest answered without its origin");
}

async function isOpen(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("limits come from flags, and the access log tells which was met", async () => {
  const flags = [
    "--limit",
    "url_bytes=100",
    "--limit",
    "header_bytes=2KiB",
    "--log-format",
    "json",
  ];
  const { cli, url } = await CliServer.start([HELLO, ...flags]);
  await using _ = cli;
  const long = await fetch(`${url}/${"u".repeat(100)}`);
  assertEquals([long.status, await long.text()], [414, "The URL is too long\n"]);
  const { time: _time, millis: _millis, target: _target, requestId, ...line } = JSON.parse(
    await cli.line(),
  );
  assertMatch(requestId, /^[0-9a-f]{32}$/);
  assertEquals(line, {
    method: "GET",
    client: "127.0.0.1",
    status: 414,
    bytes: 20,
    whole: true,
    cache: [],
    cpu_ms: 0,
    peak_memory: 0,
    hostcalls: 0,
    limit: "url_bytes 100B",
  });
  const large = await fetch(url, { headers: { x: "x".repeat(50_000) } }); // more than the parser takes
  assertEquals(large.status, 431);
  await large.body?.cancel();
  cli.signal("SIGINT");
  const { code, stderr } = await cli.end();
  assertEquals(code, 0);
  assertStringIncludes(stderr, "A request was refused: its URL has 1");
  assertStringIncludes(stderr, "A request was refused: its head has more than 3172 bytes");
});

Deno.test("a limit that makes no sense exits with 2 as a flag, and with 1 in fastly.toml", async () => {
  assertEquals(await run("--limit", "cpu_tme=1s", HELLO), {
    code: 2,
    stdout: "",
    stderr: "Cannot use --limit cpu_tme=1s: cpu_tme is not known: did you mean cpu_time?\n",
  });
  await withFile("fastly.toml", '[local_server.limits]\nmemory = "none"', async (path) => {
    assertEquals(await run("-C", path, HELLO), {
      code: 1,
      stdout: "",
      stderr:
        `Cannot read ${path}: key "memory" in local_server.limits must be a size as 512KiB, ` +
        "64MiB or 100MB, at least 64KiB and at most 4GiB\n",
    });
  });
});

Deno.test("run has the limits that are set for it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const print =
      `(i32.store (i32.const 16) (i32.const 64)) (i32.store (i32.const 20) (i32.const 6))
      (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 4)))`;
    await Deno.writeFile(`${folder}/guest.wasm`, await guestOf(print.repeat(3)));
    assertEquals(await run("run", "--limit", "log_bytes=13", `${folder}/guest.wasm`), {
      code: 0,
      stdout: "originorigin",
      stderr: "warning: What the guest logs is dropped from here on, after 12 bytes: " +
        "the limit is log_bytes 13B\n",
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
