/** Commands of pages that have no test of their own, as pasted but for ports; and where each block of each page is run. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { CLI, command, denoFirst, has, ROOT, withFiles } from "./cli/commands.ts";
import { guestUrl } from "./guests/serving.ts";
import { Cli } from "./process.ts";

const read = (path: string) => Deno.readTextFile(`${ROOT}/${path}`);
const GUEST = await Deno.readFile(guestUrl("rust"));
const HERE = "tests/page_commands_test.ts";
const PAGES = "tests/pages_test.ts";
const TOML = "tests/docs_test.ts";
const TESTING = "tests/testing/page_test.ts";
const FANOUT = "tests/fanout_test.ts";
const WATCH = "tests/cli/watch/page_test.ts";
const HTTPS = "tests/https_page_test.ts";

/** Test of each block of a page, in order: a file, or the reason why there is none. */
const PROOFS: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["tests/readme_test.ts", "tests/readme_test.ts", HERE],
  "CONTRIBUTING.md": Array(4).fill("tests/contributing_test.ts"),
  "packaging/npm/README.md": [
    "not run: by name it needs the registry; tests/packaging/npm.ts runs it with the tarball",
    "tests/packaging/npm.ts",
  ],
  "docs/architecture.md": [PAGES],
  "docs/components.md": ["testdata/builders/python.ts", PAGES],
  "docs/drivers.md": [PAGES, ...Array(3).fill("tests/drivers/journal_test.ts")],
  "docs/fanout.md": Array(5).fill(FANOUT),
  "docs/fastly.toml.md": [TOML, PAGES, ...Array(27).fill(TOML)],
  "docs/flags.md": [HERE],
  "docs/https.md": [HTTPS, HTTPS, HTTPS],
  "docs/images.md": [PAGES],
  "docs/install.md": [
    "tests/packaging/npm.ts",
    "tests/packaging/deno.ts",
    "tests/compile/binary.ts",
    "not run: it needs Docker; tests/packaging/image.ts runs what the image's commands do",
    "tests/packaging/optional.ts",
  ],
  "docs/library.md": [PAGES, PAGES, PAGES, PAGES],
  "docs/production.md": [
    "tests/production_test.ts",
    HERE,
    "not run: Caddy is in no package of the registries that CI has",
    "not run: output, with an id of its own",
    HERE,
    "tests/packaging/deno.ts",
    "tests/packaging/deno.ts",
  ],
  "docs/scale.md": [HERE, PAGES, "tests/scale_test.ts", "tests/scale_test.ts"],
  "docs/serving.md": [HERE],
  "docs/testing.md": Array(18).fill(TESTING),
  "docs/viceroy.md": [
    "not run: it needs Fastly's login; tests/cli/commands/fastly_cli_test.ts runs its server",
    "tests/cli/commands/fastly_cli_test.ts",
    "not run: it needs pytest and a project of its tests",
    "not run: it shows what may be given; tests/cli/commands/run_test.ts gives it",
    HERE,
    "tests/cli/commands/run_test.ts",
  ],
  "docs/watch.md": [WATCH, WATCH, WATCH],
};

/** Blocks of a page, as their languages and texts. */
async function blocksOf(page: string): Promise<{ language: string; text: string }[]> {
  const blocks = (await read(page)).matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return Array.from(blocks, ([, language, text]) => ({ language: language!, text: text! }));
}

Deno.test("each block of a page is run or compared by a test, or it is said why not", async () => {
  const docs = await Array.fromAsync(Deno.readDir(`${ROOT}/docs`), ({ name }) => `docs/${name}`);
  const others = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
  for (const page of [...docs, ...others, "packaging/npm/README.md"]) {
    const proofs = PROOFS[page] ?? [];
    assertEquals((await blocksOf(page)).length, proofs.length, page);
    for (const proof of new Set(proofs)) {
      if (!proof.startsWith("not run: ")) await Deno.stat(`${ROOT}/${proof}`);
    }
  }
});

/** Runs `use` in a folder with the program and a `fastlike` on its path. */
async function withProgram(
  use: (cwd: string, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  await withFiles({ "app.wasm": GUEST }, async (cwd) => {
    const script = `#!/bin/sh\nexec "${Deno.execPath()}" run -A --no-check "${CLI}" "$@"\n`;
    await Deno.mkdir(`${cwd}/bin`);
    await Deno.writeTextFile(`${cwd}/bin/fastlike`, script, { mode: 0o755 });
    await use(cwd, { PATH: `${cwd}/bin:${denoFirst().PATH}` });
  });
}

function startOrigin(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url, headers }) =>
      new Response(`${new URL(url).pathname} ${headers.get("x-forwarded-for") ?? ""}`),
  );
}

for (const page of ["README.md", "docs/serving.md"]) {
  Deno.test(`the command of ${page} serves a program over a backend`, async () => {
    const text = await read(page);
    const [, line] = /^```sh\nfastlike (app\.wasm --proxy-to localhost:8000)\n```$/m.exec(text)!;
    await using origin = startOrigin();
    await withProgram(async (cwd) => {
      const args = line!.replace(":8000", `:${origin.addr.port}`).split(" ");
      await using cli = new Cli([...args, "--bind", "localhost:0"], { cwd });
      const url = await cli.url();
      assertStringIncludes(await (await fetch(`${url}/proxy/a`)).text(), "/a");
    });
  });
}

Deno.test("the lines of flags.md for shells bring completions, as far as the shells are here", async () => {
  const [block] = await blocksOf("docs/flags.md");
  const lines = block!.text.trim().split("\n").map((line) => line.split(" # ")[0]!.trim());
  const shown = { bash: "complete -p fastlike", zsh: "", fish: "" };
  assertEquals(lines.length, Object.keys(shown).length);
  await withProgram(async (cwd, env) => {
    for (const [at, shell] of Object.keys(shown).entries()) {
      assertStringIncludes(lines[at]!, `fastlike completions ${shell}`);
      const { code, stdout } = await command("fastlike", ["completions", shell], { cwd, env });
      assertEquals(code, 0);
      assertStringIncludes(stdout, "fastlike");
    }
    const script = `${lines[0]}\n${shown.bash}`;
    const { stdout, stderr } = await command("bash", ["--norc", "-c", script], { cwd, env });
    assertEquals(stderr, "");
    assertMatch(stdout, /^complete .*fastlike\n$/);
  });
});

Deno.test("production.md's health check answers as it shows", async () => {
  const block = (await blocksOf("docs/production.md")).find(({ language }) =>
    language === "console"
  );
  const [, asked, answer] = /^\$ curl 127\.0\.0\.1:15000(\S+)\n(.*)$/s.exec(block!.text)!;
  await withProgram(async (cwd) => {
    const flags = ["--bind", "localhost:0", "--admin", "127.0.0.1:0"];
    await using cli = new Cli(["app.wasm", ...flags], { cwd });
    const [, admin] = /Health and metrics are on (\S+)/.exec(await cli.line("stderr"))!;
    await cli.url();
    assertEquals(await (await fetch(`${admin}${asked}`)).text(), answer);
  });
});

const NGINX = await has("nginx", "-v");

Deno.test({
  name: `production.md's nginx passes requests on${
    NGINX ? "" : " (skipped: apt-get install nginx-light)"
  }`,
  ignore: !NGINX,
  async fn() {
    const block = (await blocksOf("docs/production.md")).find(({ language }) =>
      language === "nginx"
    )!.text;
    await using origin = startOrigin();
    await withProgram(async (cwd) => {
      const flags = ["--proxy-to", `127.0.0.1:${origin.addr.port}`, "--trust-proxy", "127.0.0.1"];
      await using cli = new Cli(["app.wasm", "--bind", "localhost:0", ...flags], { cwd });
      const { host } = new URL(await cli.url());
      const conf = block.replace(/ {2}server 127\.0\.0\.1:500\d;\n/g, "")
        .replace("keepalive 64;", `server ${host};\n  keepalive 64;`)
        .replace("listen 80;", `listen unix:${cwd}/nginx.sock;`);
      const head = `daemon off; pid ${cwd}/pid; error_log stderr; events {}`;
      const logs = `access_log off; client_body_temp_path ${cwd}/body; proxy_temp_path ${cwd}/proxy;
        fastcgi_temp_path ${cwd}/f; uwsgi_temp_path ${cwd}/u; scgi_temp_path ${cwd}/s;`;
      await Deno.writeTextFile(`${cwd}/nginx.conf`, `${head} http { ${logs} ${conf} }`);
      await using nginx = new Deno.Command("nginx", {
        args: ["-p", cwd, "-c", "nginx.conf"],
        stderr: "null",
      }).spawn();
      const retries = ["--retry", "100", "--retry-delay", "1", "--retry-all-errors"];
      const curl = await command("curl", [
        ...["-sS", ...retries, "--unix-socket", `${cwd}/nginx.sock`, "http://a.test/hello"],
      ]);
      assertEquals(curl.stdout, "Hello from rust\n", curl.stderr);
      nginx.kill("SIGTERM");
      await nginx.status;
    });
  },
});

Deno.test("scale.md's command for workers serves with as many as there are cores", async () => {
  const [block] = await blocksOf("docs/scale.md");
  const [, line] = /^deno run -A cli\.ts (.* --admin localhost:9000)$/m.exec(block!.text)!;
  await withProgram(async (cwd) => {
    const args = line!.replace(":9000", ":0").split(" ");
    await using cli = new Cli([...args, "--bind", "localhost:0"], { cwd });
    const url = await cli.url();
    assertEquals(await (await fetch(`${url}/hello`)).text(), "Hello from rust\n");
    cli.signal("SIGTERM");
    assertEquals((await cli.end()).code, 0);
  });
});

Deno.test("viceroy.md's runner for cargo is that of the tested project", async () => {
  const block = (await blocksOf("docs/viceroy.md")).find(({ language }) => language === "toml")!;
  const config = await read("testdata/cargo-test/.cargo/config.toml");
  const [, runner] = /^(runner = "fastlike .*")$/m.exec(block.text)!;
  assertStringIncludes(config, runner!);
  const [, ...own] = /"(run)", "-C", "(.*)", "(--)"\]$/m.exec(config)!;
  assertEquals(runner, `runner = "fastlike ${own[0]} -C ${own[1]} ${own[2]}"`);
  assert(block.text.includes('target = "wasm32-wasip1"'));
});
