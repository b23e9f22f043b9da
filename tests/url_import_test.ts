import { ROOT } from "./_graph.ts";
import { assertEquals } from "./assert.ts";
import { Process } from "./process.ts";

const PERMISSIONS = ["--allow-net", "--allow-import"];
const TYPES: Readonly<Record<string, string>> = {
  ts: "application/typescript",
  wasm: "application/wasm",
};

Deno.test("mod.ts works from a URL, with no permission but to reach the network and to import", async () => {
  await using checkout = serveCheckout();
  await using page = Deno.serve(
    { ...LOOPBACK, onListen() {} },
    (request) =>
      new Response(`page ${new URL(request.url).pathname} ${request.headers.get("x-from")}`),
  );
  const { code, stdout, stderr } = await deno(
    "run",
    ["--quiet"],
    checkout.addr.port,
    `
    import { Fastlike } from "BASE/mod.ts";

    const wat = await Fastlike.load(new URL("BASE/testdata/built/hello.wasm"));
    const hello = await wat.fetch(new Request("http://example.com/"));
    console.log(hello.status, (await hello.text()).trim());

    await using rust = await Fastlike.load(new URL("BASE/testdata/built/rust.wasm"), {
      backends: {
        origin: async (request) =>
          new Response("handler " + new URL(request.url).pathname + " " + await request.text()),
        page: "http://127.0.0.1:${page.addr.port}/",
      },
    });
    const handled = await rust.fetch(
      new Request("http://example.com/proxy/a", { method: "POST", body: "sent" }),
    );
    console.log(handled.status, await handled.text());
    const headers = { "x-backend": "page", "x-from": "guest" };
    const paged = await rust.fetch(new Request("http://example.com/proxy/b", { headers }));
    console.log(paged.status, await paged.text());

    const spin = await Fastlike.load(new URL("BASE/testdata/built/spin.wasm"), {
      limits: { cpu_time: 100 },
    });
    const stopped = await spin.fetch(new Request("http://example.com/"));
    console.log(stopped.status, (await stopped.text()).split("(")[0].trim());
  `,
    (process) => process.end(),
  );
  assertEquals(stderr, "");
  assertEquals(stdout.split("\n"), [
    "200 Hello from wat",
    "200 handler /a sent",
    "200 page /b guest",
    "500 The guest was stopped: cpu_time 100ms is used up",
    "",
  ]);
  assertEquals(code, 0);
});

Deno.test("deno serve runs a module whose default export is a loaded program", async () => {
  await using checkout = serveCheckout();
  const module = `
    import { Fastlike } from "BASE/mod.ts";
    export default await Fastlike.load(new URL("BASE/testdata/built/hello.wasm"));
  `;
  await deno(
    "serve",
    ["--host=127.0.0.1", "--port=0"],
    checkout.addr.port,
    module,
    async (process) => {
      const [, url] = await process.until(/Listening on (http:\/\/\S+)/, "stderr");
      const response = await fetch(url!);
      assertEquals([response.status, await response.text()], [200, "Hello from wat\n"]);
    },
  );
});

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** The files of the checkout, as any web server would have them. */
function serveCheckout(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ ...LOOPBACK, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const type = TYPES[pathname.split(".").at(-1)!];
    try {
      const { readable } = await Deno.open(new URL(`.${pathname}`, ROOT));
      return new Response(readable, { headers: type ? { "content-type": type } : {} });
    } catch {
      return new Response("Not found\n", { status: 404 });
    }
  });
}

/** Runs a module that imports from the port, with the rights of {@linkcode PERMISSIONS}. */
async function deno<T>(
  command: "run" | "serve",
  args: readonly string[],
  port: number,
  module: string,
  use: (process: Process) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    const main = `${directory}/main.ts`;
    await Deno.writeTextFile(main, module.replaceAll("BASE", `http://127.0.0.1:${port}`));
    const rest = ["--no-prompt", "--no-lock", "--no-config", "--no-check"];
    await using process = new Process(
      Deno.execPath(),
      [command, ...rest, ...PERMISSIONS, ...args, main],
      { cwd: directory, env: { DENO_DIR: await freshCache(directory) } },
    );
    return await use(process);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A cache that knows nothing of the port, which another run may have had, but has the packages from npm. */
async function freshCache(directory: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string };
  const cache = `${directory}/cache`;
  await Deno.mkdir(cache);
  await Deno.mkdir(npmCache, { recursive: true });
  await Deno.symlink(npmCache, `${cache}/npm`);
  return cache;
}
