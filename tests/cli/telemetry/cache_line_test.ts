import { assertEquals, assertMatch } from "../../assert.ts";
import { CliServer, type Process } from "../../process.ts";

const GUEST = new URL("../../../testdata/built/assemblyscript.wasm", import.meta.url).pathname;

/** The executable in front of an origin, with hostcalls in its log. */
async function withProxy(
  flags: readonly string[],
  origin: (request: Request) => Response | Promise<Response>,
  use: (url: string, cli: Process) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, origin);
  const proxyTo = ["--proxy-to", `127.0.0.1:${server.addr.port}`];
  await using served = await CliServer.start([GUEST, "-vv", ...flags, ...proxyTo]);
  await use(`${served.url}/proxy`, served.cli);
}

async function shown(cli: Process, answer: Promise<Response>): Promise<[string, string]> {
  const body = await (await answer).text();
  const line = await cli.line("stdout", /^[A-Z]+ \/proxy/);
  assertMatch(line, / [0-9]+\.[0-9]ms [0-9]+B/);
  return [body, / cache=(\S+)/.exec(line)?.[1] ?? ""];
}

Deno.test("the line of a request tells how the cache answered", async () => {
  let count = 0;
  const reached = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const origin = async ({ url }: Request) => {
    const path = new URL(url).pathname;
    if (path === "/held") {
      reached.resolve();
      await held.promise;
    }
    const control = path === "/stale" ? "max-age=0, stale-while-revalidate=60" : "max-age=60";
    return new Response(`${++count}`, { headers: { "cache-control": control } });
  };
  await withProxy([], origin, async (url, cli) => {
    const get = (path: string, init?: RequestInit) => shown(cli, fetch(url + path, init));
    assertEquals(await get("/a"), ["1", "miss"]);
    assertEquals(await get("/a"), ["1", "hit"]);
    assertEquals(await get("/a", { method: "POST" }), ["2", "pass"]);
    assertEquals(await get("/stale"), ["3", "miss"]);
    assertEquals(await get("/stale"), ["3", "stale"]);

    const first = fetch(`${url}/held`);
    await reached.promise;
    for (let sent = 0; sent < 6; sent++) await cli.line("stderr", /^fastly_http_req\.send_async\(/);
    const second = fetch(`${url}/held`);
    await cli.line("stderr", /^fastly_http_req\.send_async\(/);
    held.resolve();
    const uses = [await shown(cli, first), await shown(cli, second)].map(([, use]) => use);
    assertEquals(uses.sort(), ["collapsed", "miss"]);
  });
});

Deno.test("--no-cache sends every request to its backend", async () => {
  let count = 0;
  await withProxy(["--no-cache"], () => new Response(`${++count}`), async (url, cli) => {
    const get = () => shown(cli, fetch(`${url}/a`));
    assertEquals([await get(), await get()], [["1", ""], ["2", ""]]);
  });
});
