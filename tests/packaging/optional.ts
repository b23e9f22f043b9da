// Tests of packages that are downloaded at first use, from the npm package. Run by `.ci/packages`.
import { ROOT } from "../_graph.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { command } from "../cli/commands.ts";
import { emptyFolder, GUEST, serving, succeed } from "./_folder.ts";
import { ENV, install } from "./_npm.ts";

/** A picture of one pixel. */
const PIXEL = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAgH/eL9GtQAAAABJRU5ErkJggg==",
);
/** Program with two optional packages; its image is {@linkcode PIXEL}. */
const LIBRARY = `import { openRedis } from "fastlike/drivers/redis";
import { imageOptimizer } from "fastlike/drivers/images";

await openRedis("redis://127.0.0.1:1").catch((error) => console.log(error.message));
const bytes = Uint8Array.fromBase64("${PIXEL.toBase64()}");
const image = new Response(bytes, { headers: { "content-type": "image/png" } });
const options = { query: "", fetchImage: () => Promise.resolve(image) };
await imageOptimizer()(new Request("http://localhost/a"), options)
  .then(({ status }) => console.log(status), (error) => console.log(error.message));
`;
const TEXT = '(module (memory (export "memory") 1) (func (export "_start")))';
/** Use of each package: flags, and a path to request. Packages are in the order of the page. */
const USES: readonly {
  readonly name: string;
  readonly flags: readonly string[];
  readonly path?: string;
  readonly told: string;
}[] = [
  { name: "sharp", flags: [GUEST, "--proxy-to", "localhost:1"], path: "/image/a", told: "images" },
  { name: "wabt", flags: ["text.wat"], told: "text of WebAssembly" },
  { name: "@redis/client", flags: [GUEST, "--store", "redis://127.0.0.1:1"], told: "the store" },
  { name: "@peculiar/x509", flags: [GUEST, "--https"], told: "certificates of this machine's own" },
];

Deno.test("packages that few starts need", async (test) => {
  await using folder = await emptyFolder();
  await install(folder.path);
  await Deno.writeTextFile(`${folder.path}/text.wat`, TEXT);
  const bin = `${folder.path}/node_modules/.bin/fastlike`;

  for (const { name, flags, path, told } of USES) {
    await test.step(`${name}: one line announces the download, and another says why it failed`, async () => {
      const asked: string[] = [];
      const line = Promise.withResolvers<void>();
      // A registry that answers when the line is there, and has nothing.
      await using registry = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        async (request) => {
          asked.push(decodeURIComponent(new URL(request.url).pathname).slice(1));
          await line.promise;
          return new Response(null, { status: 404 });
        },
      );
      await using cache = await emptyFolder();
      await using child = new Deno.Command(bin, {
        args: [...flags, "--bind", "127.0.0.1:0"],
        cwd: folder.path,
        env: {
          ...ENV,
          DENO_DIR: cache.path,
          XDG_DATA_HOME: cache.path,
          NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}/`,
          NO_COLOR: "1",
        },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      let said = "";
      let response: Promise<Response> | undefined;
      const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
        for await (const text of stream.pipeThrough(new TextDecoderStream())) {
          said += text;
          const [, url] = /^Listening on (\S+)\n/m.exec(said) ?? [];
          if (url && path) response ??= fetch(url + path);
          if (/^.*Downloading npm:\S+ for .*: later starts have it\n/m.test(said)) line.resolve();
          if (path && /Cannot load npm:/.test(said)) child.kill("SIGTERM");
        }
        line.resolve(); // it has ended
      };
      await Promise.all([read(child.stdout), read(child.stderr)]);
      await (await response)?.body?.cancel();
      const { code } = await child.status;
      const [, specifier] = /Downloading (npm:\S+) for (.*): later starts/.exec(said) ?? [];
      assert(specifier?.startsWith(`npm:${name}@`), said);
      assertStringIncludes(said, `Downloading ${specifier} for ${told}: later starts have it\n`);
      assertStringIncludes(said, `Cannot load ${specifier} for ${told}: `);
      assertMatch(
        said,
        new RegExp(`run "deno cache (npm:\\S+ )?${specifier}" where there is a net`),
      );
      assertEquals(said.match(/Downloading/g)?.length, 1);
      assertEquals(code, path ? 0 : 1);
      assert(asked.length, "nothing was asked for");
    });
  }

  await test.step("install.md's commands fill a folder that serves without a network, and read-only", async () => {
    const page = await Deno.readTextFile(new URL("docs/install.md", ROOT));
    const [, block] = /^```sh\n(deno cache .*?)^```$/ms.exec(page)!;
    await using cache = await emptyFolder();
    await using data = await emptyFolder();
    const here = { PATH: `${Deno.execPath().replace(/[^/]*$/, "")}:${ENV.PATH}` };
    await succeed("sh", ["-ec", block!], {
      cwd: cache.path,
      env: { DENO_DIR: cache.path, ...here },
    });
    await succeed("chmod", ["-R", "a-w,a+rX", cache.path]);
    await succeed("chmod", ["-R", "a+rX", folder.path]);
    await Deno.chmod(data.path, 0o777);
    try {
      const before = await listing(cache.path);
      // Root may write to read-only files: another user runs it.
      const nobody = Deno.uid() === 0
        ? ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"]
        : [];
      const env = {
        ...ENV,
        DENO_DIR: cache.path,
        XDG_DATA_HOME: data.path,
        HTTPS_PROXY: "http://127.0.0.1:1", // nothing is there
      };
      const run = (...args: string[]) => command("env", [...nobody, bin, ...args], { env });
      const text = await run("run", `${folder.path}/text.wat`);
      assertEquals(text, { code: 0, stdout: "", stderr: "" });
      const store = await run(GUEST, "--store", "redis://127.0.0.1:1", "--bind", "127.0.0.1:0");
      assertEquals(store.code, 1);
      assertMatch(store.stderr, /^Cannot open the store .*ECONNREFUSED/);
      await using origin = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () => new Response(PIXEL, { headers: { "content-type": "image/png" } }),
      );
      const flags = ["--https", "--bind", "127.0.0.1:0"];
      const proxy = ["--proxy-to", `127.0.0.1:${origin.addr.port}`];
      const args = [...nobody, bin, GUEST, ...flags, ...proxy];
      await using server = await serving("env", args, { env });
      assertMatch(server.url, /^https:/);
      const caCerts = [await Deno.readTextFile(`${data.path}/fastlike/ca.pem`)];
      using client = Deno.createHttpClient({ caCerts });
      const response = await fetch(`${server.url}/image/thumbnail`, { client });
      assertEquals(response.headers.get("fastly-io-error"), null);
      assertMatch(response.headers.get("fastly-io-info") ?? "", /ifmt=png/);
      await response.body?.cancel();
      assertEquals(await listing(cache.path), before);
    } finally {
      await succeed("chmod", ["-R", "u+w", cache.path]);
    }
  });

  await test.step("the library takes them from the project's node_modules, in another version, too, and names the missing ones", async () => {
    await Deno.writeTextFile(`${folder.path}/library.ts`, LIBRARY);
    const run = () => succeed(Deno.execPath(), ["run", "-A", "library.ts"], { cwd: folder.path });
    const add = (name: string) =>
      succeed("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", name], {
        cwd: folder.path,
        env: ENV,
      });
    assertEquals(
      await run(),
      [
        "Cannot open the store redis://127.0.0.1:1: Cannot load npm:@redis/client@6.3.1 for the store: " +
        'node_modules has none: run "npm install @redis/client@6.3.1"',
        "Cannot load the image codec: Cannot load npm:sharp@0.35.5 for images: " +
        'node_modules has none: run "npm install sharp@0.35.5" (it needs -A)',
        "",
      ].join("\n"),
    );
    await add("@redis/client@5.8.2"); // not the version that it asks for
    await add("sharp@0.35.5");
    assertEquals(
      await run(),
      [
        "Cannot open the store redis://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. " +
        "Check that it runs there, and its password",
        "200",
        "",
      ].join("\n"),
    );
  });
});

function listing(folder: string): Promise<string> {
  return succeed("find", [folder, "-printf", "%p %s %T@\n"]);
}
