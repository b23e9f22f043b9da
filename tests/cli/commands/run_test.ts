import { assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { command, type Ended, has, ROOT, runCli, withFiles } from "../commands.ts";

const WAT = `${ROOT}/testdata/wat`;
const BUILT = `${ROOT}/testdata/built`;

for (const [guest, code] of [["exit", 3], ["exit0", 0], ["start_nothing", 0]] as const) {
  Deno.test(`run ends with the guest's own status: ${code} of ${guest}`, async () => {
    assertEquals(await runCli(["run", `${BUILT}/${guest}.wasm`]), { code, stdout: "", stderr: "" });
  });
}

Deno.test("run ends with 134 when the guest traps, and says where", async () => {
  const { code, stdout, stderr } = await runCli(["run", `${BUILT}/trap.wasm`]);
  assertEquals([code, stdout], [134, ""]);
  assertMatch(
    stderr,
    /^error: The guest trapped: unreachable\n {2}at explode \(0x.*\)\n {2}at _start/,
  );
});

Deno.test("run passes arguments and variables on, and prints the guest's output unchanged", async () => {
  const { code, stdout, stderr } = await runCli(
    ["run", "--guest-env", "COLOUR=blue", "--guest-env", "HANDED", `${WAT}/arguments.wat`].concat(
      ["-v", "--", "-v", "a b", "--", ""],
    ),
    { env: { HANDED: "on" } },
  );
  assertEquals([code, stdout], [0, "compute-app\0-v\0a b\0--\0\0"]);
  assertStringIncludes(stderr, "FASTLY_HOSTNAME=localhost\0");
  assertMatch(stderr, /\0COLOUR=blue\0HANDED=on\0$/);
});

Deno.test("the records of log endpoints are among the guest's output", async () => {
  assertEquals(await runCli(["run", `${WAT}/output.wat`]), {
    code: 0,
    stdout: "one\ntwoevents :: a record\nthree\n\n",
    stderr: "four",
  });
});

Deno.test("captured output is a record for each piece of each write, in order", async () => {
  assertEquals(await runCli(["run", "--log-stdout", "--log-stderr", `${WAT}/output.wat`]), {
    code: 0,
    stdout: "stdout :: one\nstdout :: two\nevents :: a record\nstdout :: three\nstderr :: four\n",
    stderr: "",
  });
});

Deno.test("run reads a manifest, and names mistakes in it", async () => {
  await withFiles({ "fastly.toml": "[local_server.backends.b]" }, async (cwd) => {
    assertEquals(await runCli(["run", "-C", "fastly.toml", "--", `${WAT}/output.wat`], { cwd }), {
      code: 1,
      stdout: "",
      stderr: 'Cannot read fastly.toml: key "url" is missing in local_server.backends.b\n',
    });
  });
});

Deno.test("text that is no module is refused with its line", async () => {
  await withFiles({ "odd.wasm": "(module\n  (fun))" }, async (cwd) => {
    const { code, stderr } = await runCli(["run", "odd.wasm"], { cwd });
    assertEquals(code, 1);
    assertMatch(stderr, /^Cannot run odd\.wasm: it is not valid in line 2, column 4: .*\n$/);
  });
});

Deno.test("a component that is no program is refused with one line", async () => {
  const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);
  await withFiles({ "component.wasm": bytes }, async (cwd) => {
    const { code, stderr } = await runCli(["run", "--adapt", "component.wasm"], { cwd });
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      "the component exports neither fastly:compute/http-incoming nor wasi:cli/run",
    );
  });
});

/** Sends the same GET twice, and fails if a send does. */
const TWICE = `(module
  (import "fastly_http_req" "new" (func $new (param i32) (result i32)))
  (import "fastly_http_req" "uri_set" (func $uri (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_req" "send" (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "http://a.test/origin")
  (func $get
    (drop (call $new (i32.const 100)))
    (drop (call $uri (i32.load (i32.const 100)) (i32.const 0) (i32.const 14)))
    (drop (call $body (i32.const 104)))
    (if (call $send (i32.load (i32.const 100)) (i32.load (i32.const 104)) (i32.const 14)
        (i32.const 6) (i32.const 108) (i32.const 112))
      (then unreachable)))
  (func (export "_start") (call $get) (call $get)))`;

for (const [flags, reached] of [[[], 2], [["--cache"], 1]] as const) {
  Deno.test(`of two equal requests under run ${flags} ${reached} reach the backend`, async () => {
    let count = 0;
    const origin = () => new Response(`${++count}`);
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, origin);
    const backend = `origin=http://127.0.0.1:${server.addr.port}`;
    await withFiles({ "twice.wat": TWICE }, async (cwd) => {
      const ended = await runCli(["run", ...flags, "--backend", backend, "twice.wat"], { cwd });
      assertEquals(ended, { code: 0, stdout: "", stderr: "" });
    });
    assertEquals(count, reached);
  });
}

const TOOLS = { cargo: await has("cargo", "--version"), go: await has("go", "version") };
const OK = /^test tests::\w+ \.\.\. ok$/gm;

testWith("cargo", "cargo test calls the platform through run", async (env) => {
  const { code, stdout, stderr } = await cargo(env, "test", "--locked");
  assertEquals([code, stdout.match(OK)?.length], [0, 4], stdout + stderr);
});

testWith("cargo", "cargo test tells a test that fails", async (env) => {
  const args = ["--locked", "--", "--ignored", "--nocapture"]; // an abort loses captured output
  const { code, stdout, stderr } = await cargo(env, "test", ...args);
  assertEquals(code, 134);
  assertStringIncludes(stdout + stderr, "Good night, Alice");
  assertMatch(
    stderr,
    /error: The guest trapped: unreachable\n( {2}at .*\n)*? {2}at .*a_test_that_fails/,
  );
});

if (await has("cargo", "nextest", "--version")) {
  testWith("cargo", "cargo nextest runs each test in a process of its own", async (env) => {
    const { code, stderr } = await cargo(env, "nextest", "run", "--locked");
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "4 passed");
  });
}

const GO_RUNNER = "deno run -A ../../cli.ts run -C fastly.toml";

testWith("go", "go test -exec calls the platform through run", async (env) => {
  const { code, stdout, stderr } = await goTest(env, "-v");
  assertEquals(code, 0, stdout + stderr);
  assertEquals(stdout.match(/^--- PASS: /gm)?.length, 4, stdout + stderr);
});

testWith("go", "go test -exec tells a test that fails", async (env) => {
  const { code, stdout } = await goTest(env, "-args", "fail");
  assertEquals(code, 1);
  assertStringIncludes(stdout, "--- FAIL: TestThatFails");
  assertStringIncludes(stdout, "failed on purpose");
});

/** Address without a listener. */
const NOBODY = "http://127.0.0.1:9";
const MOCKS = { "GET /some/page": { body: "The origin got GET /some/page\n" } };

testWith("go", "go test needs no origin where a file of mocks answers for it", async () => {
  await withFiles({ "mock.json": JSON.stringify(MOCKS) }, async (folder) => {
    const runner = `${GO_RUNNER} --mock origin=${folder}/mock.json`;
    const { code, stdout } = await goTest({ ORIGIN: NOBODY, RUNNER: runner });
    assertEquals([code, /^ok/.test(stdout)], [0, true], stdout);
  });
});

testWith("cargo", "cargo test needs no origin where a file of mocks answers for it", async () => {
  await withFiles({ "mock.json": JSON.stringify(MOCKS) }, async (folder) => {
    const runner =
      `deno run -A ../../cli.ts run -C fastly.toml --mock origin=${folder}/mock.json --`;
    const env = { ORIGIN: NOBODY, CARGO_TARGET_WASM32_WASIP1_RUNNER: runner };
    const { code, stdout, stderr } = await cargo(env, "test", "--locked");
    assertEquals([code, stdout.match(OK)?.length], [0, 4], stdout + stderr);
  });
});

/** A test with real tools, and an origin for their tests. */
function testWith(
  tool: keyof typeof TOOLS,
  title: string,
  fn: (env: Record<string, string>) => Promise<void>,
): void {
  const there = TOOLS[tool];
  Deno.test({
    name: `${title}${there ? "" : ` (skipped: install ${tool})`}`,
    ignore: !there,
    async fn() {
      await using origin = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        (request) => new Response(`The origin got GET ${new URL(request.url).pathname}\n`),
      );
      await fn({ ORIGIN: `http://127.0.0.1:${origin.addr.port}` });
    },
  });
}

function cargo(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  return command("cargo", args, { cwd: `${ROOT}/testdata/cargo-test`, env });
}

/** @param env Its `RUNNER` is the command that Go runs tests by, in place of the usual one. */
function goTest(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  return command("go", ["test", "-count=1", "-exec", env.RUNNER ?? GO_RUNNER, ".", ...args], {
    cwd: `${ROOT}/testdata/go-test`,
    env: { ...env, GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=readonly" },
  });
}
