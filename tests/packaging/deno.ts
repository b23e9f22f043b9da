// Tests of the installations with Deno: from a folder, by URL, as one file, with an empty cache. Run by `.ci/packages`.
import { ROOT } from "../_graph.ts";
import { assert, assertEquals } from "../assert.ts";
import { Process } from "../process.ts";
import { assertBelow, emptyFolder, GUEST, serving, succeed } from "./_folder.ts";

const DENO = Deno.execPath();

/** Command of the page: its flags, and the file that it installs. */
const [, FLAGS, FILE] = /^deno install (.+) \.\/(dist\/\S+)/m.exec(
  await Deno.readTextFile(new URL("docs/install.md", ROOT)),
) as unknown as [string, string, string];

await succeed(DENO, ["task", "bundle"], { cwd: ROOT.pathname });

/** Serves a folder by Python's own server, as a stranger would, and ends it with the test. */
async function serveFolder(path: string): Promise<AsyncDisposable & { readonly url: string }> {
  const args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", path];
  const server = new Process("python3", args);
  const [url] = await server.until(/http:\/\/[\d.]+:\d+/);
  return { url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Installs a program as the page says, in an empty folder, and serves with it; returns the path of Deno's folder. */
async function installed(source: string, folder: string): Promise<string> {
  const cache = `${folder}/cache`;
  const env = { DENO_DIR: cache, PATH: `${DENO.replace(/[^/]*$/, "")}:/usr/bin:/bin` };
  const install = ["install", ...FLAGS.split(" "), "--root", folder, source];
  await succeed(DENO, install, { env, cwd: folder });
  for (const workers of ["1", "2"]) {
    const args = [GUEST, "--bind", "127.0.0.1:0", "--workers", workers];
    await using server = await serving(`${folder}/bin/fastlike`, args, { env });
    assertEquals(await (await fetch(`${server.url}/hello`)).text(), "Hello from rust\n");
    await server.end("SIGTERM");
  }
  return cache;
}

Deno.test("install.md's deno install makes a program of its one file, and of a URL of that, and leaves less than 10 MB in Deno's folder", async () => {
  // As releases at GitHub serve their files: from another address, of no type.
  await using site = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async ({ url }) => {
      const { pathname, origin, search } = new URL(url);
      if (!search) return Response.redirect(`${origin}/3f2a?file=${pathname}`);
      const headers = { "content-type": "application/octet-stream" };
      return new Response(await Deno.readFile(new URL(FILE, ROOT)), { headers });
    },
  );
  const url = `http://127.0.0.1:${site.addr.port}/${FILE}`;
  for (const source of [new URL(FILE, ROOT).pathname, url]) {
    await using folder = await emptyFolder();
    const cache = await installed(source, folder.path);
    await assertBelow(10_000, cache);
    assertEquals(await Array.fromAsync(Deno.readDir(`${cache}/npm`)), []);
  }
});

Deno.test("deno install makes a program of a checkout's cli.ts, too, and of a URL of that", async () => {
  await using site = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    // As the web pages of repositories serve their files.
    async ({ url }) => {
      const bytes = await Deno.readFile(new URL(`.${new URL(url).pathname}`, ROOT));
      return new Response(bytes, { headers: { "content-type": "text/plain; charset=utf-8" } });
    },
  );
  const url = `http://127.0.0.1:${site.addr.port}/cli.ts`;
  for (const source of [new URL("cli.ts", ROOT).href, url]) {
    await using folder = await emptyFolder();
    await assertPlainPackages(await installed(source, folder.path));
  }
});

Deno.test("the library is one file by URL, with packages of npm beside it", async () => {
  await using site = await serveFolder(new URL("dist", ROOT).pathname);
  await using folder = await emptyFolder();
  const program = `import { Fastlike } from "${site.url}/fastlike.js";
const app = await Fastlike.load(await Deno.readFile(Deno.args[0]));
console.log(await (await app.handler(new Request("http://localhost/hello"))).text());
await app[Symbol.asyncDispose]();
`;
  await Deno.writeTextFile(`${folder.path}/app.ts`, program);
  const env = { DENO_DIR: `${folder.path}/cache` };
  const stdout = await succeed(DENO, ["run", "-A", "app.ts", GUEST], { env, cwd: folder.path });
  assertEquals(stdout, "Hello from rust\n\n");
  const { modules } = JSON.parse(
    await succeed(DENO, ["info", "--json", "app.ts"], { env, cwd: folder.path }),
  );
  const remote = modules.filter(({ specifier }: { specifier: string }) =>
    specifier.startsWith(site.url)
  );
  assertEquals(remote.length, 1);
});

Deno.test("a first start of a plain program leaves less than 10 MB of packages, none of tests or of unused features", async () => {
  await using folder = await emptyFolder();
  const env = { DENO_DIR: `${folder.path}/cache` };
  const args = ["run", "-A", new URL("cli.ts", ROOT).href, GUEST, "--bind", "127.0.0.1:0"];
  {
    await using server = await serving(DENO, args, { env });
    assertEquals((await fetch(`${server.url}/hello`)).status, 200);
    await server.end("SIGTERM");
  }
  await assertPlainPackages(env.DENO_DIR);
});

/** Deno's folder has the packages that every start loads, and no others. */
async function assertPlainPackages(cache: string): Promise<void> {
  const packages = `${cache}/npm/registry.npmjs.org`;
  const entries = await Array.fromAsync(Deno.readDir(packages));
  const names = entries.map(({ name }) => name).sort();
  assertEquals(names, ["@logtape", "deno-std", "ignore", "jsonc-parser", "mmdb-lib", "smol-toml"]);
  await assertBelow(10_000, packages);
}

Deno.test("production.md's commands for systemd install a program that its unit runs as a user that may not write", async () => {
  const page = await Deno.readTextFile(new URL("docs/production.md", ROOT));
  const [, install] = /^```sh\n(npm install --global .*?)^```$/ms.exec(page)!;
  const [, unit] = /^```ini\n(\[Unit\].*?)^```$/ms.exec(page)!;
  const [, start] = /^ExecStart=(.*?[^\\])$/ms.exec(unit!.replaceAll("\\\n", " "))!;
  const [, deno] = /^Environment=DENO_DIR=(\S+)$/m.exec(unit!)!;
  await using folder = await emptyFolder();
  const here = (text: string) => text.replaceAll("/opt/", `${folder.path}/`);
  const apart = ["tests", "testdata", "dist", ".git"].map((name) => `--exclude=./${name}`);
  await Deno.mkdir(`${folder.path}/fastlike`);
  await succeed("sh", [
    "-c",
    `tar -C "$0" ${apart.join(" ")} -cf - . | tar -C "$1/fastlike" -xf -`,
    ROOT.pathname,
    folder.path,
  ]);
  await Deno.copyFile(GUEST, `${folder.path}/app.wasm`);
  await Deno.writeTextFile(`${folder.path}/fastly.toml`, "");
  await succeed("sh", ["-ec", here(install!)], { cwd: folder.path });
  await succeed("chmod", ["-R", "a-w,a+rX", folder.path]);
  try {
    const command = here(start!).replaceAll(/127\.0\.0\.1:1?%i/g, "127.0.0.1:0");
    // Root may write to read-only files: another user runs it.
    const nobody = Deno.uid() === 0
      ? ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"]
      : [];
    const args = [...nobody, ...command.split(/\s+/)];
    const env = { DENO_DIR: here(deno!), SSL_CERT_FILE: "" };
    await using server = await serving("env", args, { cwd: folder.path, env });
    assertEquals(await (await fetch(`${server.url}/hello`)).text(), "Hello from rust\n");
    assertEquals((await server.end("SIGTERM")).code, 0);
  } finally {
    await succeed("chmod", ["-R", "u+w", folder.path]);
  }
});

Deno.test("deno publish takes the package without a warning, and lists the files that users load and no others", async () => {
  const { stderr, stdout } = await published();
  assertEquals(stderr.match(/^(warning|error).*$/gim), null);
  const files = [...(stdout + stderr).matchAll(/file:\/\/\S+/g)].map(([url]) =>
    url.slice(ROOT.href.length)
  );
  assert(files.includes("mod.ts") && files.includes("cli/main.ts"));
  const kinds = files.filter((path) =>
    !/^[^/]*$|^(abi|cli|drivers|engine|handles|server|service|testing|wasm)\//.test(path)
  );
  assertEquals(kinds, []);
});

async function published(): Promise<{ stdout: string; stderr: string }> {
  const { stdout, stderr } = await new Deno.Command(DENO, {
    args: ["publish", "--dry-run", "--allow-dirty"],
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
