// Tests of `cli.ts` as a compiled program. Run by `.ci/compile`, which says where the compiler and its runtime are;
// not part of the suite, which needs Deno alone.
import { ROOT } from "../_graph.ts";
import { fetched } from "../asking.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { Process } from "../process.ts";

const COMPILER = variable("OLD_DENO");
const RUNTIME = variable("DENORT_BIN");
const GUEST = new URL("testdata/built/rust.wasm", ROOT).pathname;
const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

Deno.test("cli.ts compiles to a program that needs no Deno", async () => {
  await using built = await compile();
  const { code, stdout } = await new Deno.Command(built.path, {
    args: ["--version"],
    clearEnv: true,
  }).output();
  assertEquals(code, 0);
  assertMatch(new TextDecoder().decode(stdout), /^fastlike \d+\.\d+\.\d+\n$/);
});

Deno.test("the compiled program says in one line that a file is missing", async () => {
  await using built = await compile();
  const { code, stderr } = await new Deno.Command(built.path, { args: ["nowhere.wasm"] }).output();
  assertEquals(code, 1);
  assertEquals(
    new TextDecoder().decode(stderr),
    "Cannot read nowhere.wasm: there is no such file\n",
  );
});

Deno.test("the compiled program says in one line that its runtime cannot have workers", async () => {
  await using built = await compile();
  const workers = [GUEST, "--bind", "127.0.0.1:0", "--workers", "2"];
  const { code, stdout, stderr } = await new Deno.Command(built.path, { args: workers }).output();
  const [out, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals([code, out], [1, ""]);
  assertMatch(
    told!,
    /^Cannot start workers on Deno 2\.\d+\.\d+: it cannot hand a socket to another process \(use 2\.9\.6\)\n$/,
  );
});

Deno.test("the compiled program names in one line a part that it lacks, and where to get it", async () => {
  await using built = await compile();
  const file = `${built.path}.wat`;
  await Deno.writeTextFile(file, "(module)");
  const { code, stderr } = await new Deno.Command(built.path, { args: ["run", file] }).output();
  assertEquals(code, 1);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^Cannot run \S+: Cannot load npm:wabt@[\d.]+ for text of WebAssembly: compiled programs have none; .*\n$/,
  );
});

Deno.test("the compiled program runs a guest: hello, an echo and a proxied page", async () => {
  await using origin = Deno.serve(
    { ...LOOPBACK, onListen() {} },
    (request) => new Response(`page ${new URL(request.url).pathname}\n`),
  );
  await using built = await compile();
  const backend = ["--backend", `origin=http://127.0.0.1:${origin.addr.port}`];
  const args = ["--wasm", GUEST, "--bind", "127.0.0.1:0", ...backend];
  await using process = new Process(built.path, args);
  const url = await process.url();
  assertEquals(await fetched(`${url}/hello`), [200, "Hello from rust\n"]);
  assertEquals(await fetched(`${url}/echo`, { method: "POST", body: "sent" }), [200, "sent"]);
  assertEquals(await fetched(`${url}/proxy/a/b`), [200, "page /a/b\n"]);
  // The program does not contain the image codec: the guest gets an error, and the log says why.
  assertEquals((await fetched(`${url}/image/a`))[0], 502);
  process.signal("SIGINT");
  assertEquals((await process.end()).code, 0);
});

Deno.test("the compiled program runs a component, as it contains the loader", async () => {
  await using built = await compile();
  const command = new URL("testdata/built/rust-command.wasm", ROOT).pathname;
  const { code, stdout } = await new Deno.Command(built.path, {
    args: ["run", command, "one"],
    clearEnv: true,
  }).output();
  assertEquals(code, 0);
  assertMatch(new TextDecoder().decode(stdout), /^arguments \["one"\]\n/);
});

Deno.test("deno task compile makes an executable for this machine", async () => {
  const { code, stdout } = await task("compile");
  assertEquals([code, stdout], [0, "Made dist/fastlike\n"]);
  const path = new URL("dist/fastlike", ROOT).pathname;
  const { stdout: version } = await new Deno.Command(path, { args: ["--version"] }).output();
  assertMatch(new TextDecoder().decode(version), /^fastlike \d+\.\d+\.\d+\n$/);
});

Deno.test("the compiled program has Viceroy's ways where it is linked to under that name", async () => {
  await using built = await compile();
  const link = built.path.replace(/fastlike$/, "viceroy");
  await Deno.symlink(built.path, link);
  const { code, stderr } = await new Deno.Command(link, { args: ["adapt", GUEST] }).output();
  assertEquals(code, 1);
  assertMatch(new TextDecoder().decode(stderr), /^Cannot adapt: .*\n$/);
});

Deno.test("deno task release makes this platform's executable, which has answered, its sum and its contents", async () => {
  const { code, stdout: told } = await task("release");
  assertEquals(code, 0, told);
  assertMatch(told, new RegExp(`^${Deno.build.target}: made, started, has answered$`, "m"));
  assertEquals(told.match(/not made here: DENORT_BIN is of another platform$/gm)?.length, 4);
  const folder = new URL("dist/release/", ROOT);
  const [sum, name] = (await Deno.readTextFile(new URL("SHA256SUMS", folder))).trim().split("  ");
  const bytes = await Deno.readFile(new URL(name!, folder));
  assertEquals(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(), sum);
  const bill = JSON.parse(await Deno.readTextFile(new URL("fastlike.cdx.json", folder)));
  assertEquals(bill.bomFormat, "CycloneDX");
  assertMatch(bill.components[0].purl, /^pkg:github\/denoland\/deno@v2\.4\./);
});

/** Runs a task with the older compiler. */
async function task(name: string): Promise<{ code: number; stdout: string }> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", name],
    cwd: new URL(ROOT).pathname,
    env: { DENO_COMPILER: COMPILER, DENORT_BIN: RUNTIME, NO_COLOR: "1" },
    stderr: "inherit",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

/** Compiles the checkout's `cli.ts`. */
async function compile(): Promise<AsyncDisposable & { path: string }> {
  const directory = await Deno.makeTempDir();
  const dispose = () => Deno.remove(directory, { recursive: true });
  try {
    const path = `${directory}/fastlike`;
    const { success, stderr } = await new Deno.Command(COMPILER, {
      args: [
        ...["compile", "--quiet", "-A", "--no-check", "--no-lock", "--no-config"],
        ...["-o", path, new URL("cli.ts", ROOT).href],
      ],
      cwd: directory,
      env: { DENORT_BIN: RUNTIME, DENO_TLS_CA_STORE: "system", NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(`Cannot compile: ${new TextDecoder().decode(stderr)}`);
    return { path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function variable(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`Cannot test the compiled program: ${name} is not set`);
  return value;
}
