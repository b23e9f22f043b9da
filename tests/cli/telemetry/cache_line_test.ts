import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { CLI } from "../commands.ts";

const GUEST = new URL("../../../testdata/built/assemblyscript.wasm", import.meta.url).pathname;

/** The lines of a stream, as they come. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line that matches. */
  async next(pattern: RegExp): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf("\n");
      if (at < 0) {
        const { done, value } = await this.#reader.read();
        assert(!done, `no line matches ${pattern}: ${this.#text}`);
        this.#text += value;
        continue;
      }
      const line = this.#text.slice(0, at);
      this.#text = this.#text.slice(at + 1);
      if (pattern.test(line)) return line;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (!(await this.#reader.read()).done);
  }
}

/** The executable in front of an origin, with hostcalls told. */
async function withProxy(
  flags: readonly string[],
  origin: (request: Request) => Response | Promise<Response>,
  use: (url: string, stdout: Lines, stderr: Lines) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, origin);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", CLI, GUEST, "--bind", "127.0.0.1:0", "-vv", ...flags],
      ...["--proxy-to", `127.0.0.1:${server.addr.port}`],
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  {
    await using stdout = new Lines(child.stdout);
    await using stderr = new Lines(child.stderr);
    const line = await stdout.next(/^Listening on /);
    try {
      await use(`${line.slice("Listening on ".length)}/proxy`, stdout, stderr);
    } finally {
      child.kill("SIGKILL");
    }
  }
  await child.status;
}

async function shown(stdout: Lines, answer: Promise<Response>): Promise<[string, string]> {
  const body = await (await answer).text();
  const line = await stdout.next(/^[A-Z]+ \/proxy/);
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
  await withProxy([], origin, async (url, stdout, stderr) => {
    const get = (path: string, init?: RequestInit) => shown(stdout, fetch(url + path, init));
    assertEquals(await get("/a"), ["1", "miss"]);
    assertEquals(await get("/a"), ["1", "hit"]);
    assertEquals(await get("/a", { method: "POST" }), ["2", "pass"]);
    assertEquals(await get("/stale"), ["3", "miss"]);
    assertEquals(await get("/stale"), ["3", "stale"]);

    const first = fetch(`${url}/held`);
    await reached.promise;
    for (let sent = 0; sent < 6; sent++) await stderr.next(/^fastly_http_req\.send_async\(/);
    const second = fetch(`${url}/held`);
    await stderr.next(/^fastly_http_req\.send_async\(/);
    held.resolve();
    const uses = [await shown(stdout, first), await shown(stdout, second)].map(([, use]) => use);
    assertEquals(uses.sort(), ["collapsed", "miss"]);
  });
});

Deno.test("--no-cache sends every request to its backend", async () => {
  let count = 0;
  await withProxy(["--no-cache"], () => new Response(`${++count}`), async (url, stdout) => {
    const get = () => shown(stdout, fetch(`${url}/a`));
    assertEquals([await get(), await get()], [["1", ""], ["2", ""]]);
  });
});
