import { assert, assertEquals } from "../assert.ts";
import { withFiles } from "../cli/commands.ts";
import { Wire } from "../server/wire.ts";
import { CliServer } from "../process.ts";
import { OK, rawOrigin, type Wire as OriginWire } from "../service/backends/origins.ts";
import { fetchRaw, type RawResponse } from "./http.ts";
import { guestUrl } from "./serving.ts";

const WORKERS = 24;
const REQUESTS = 60;
const SEED = 20_201_022;

/** Behaviours of an origin, by the last part of the path. */
const ORIGIN: Readonly<Record<string, (wire: OriginWire) => Promise<void>>> = {
  good: (wire) => wire.write(OK.replace("\r\n\r\n", "\r\nCache-Control: no-store\r\n\r\n")),
  stall: (wire) => wire.rest().then(() => {}),
  reset: (wire) => Promise.resolve(wire.close()),
  garbage: (wire) => wire.write("SMTP/1.1 what?\r\n\r\n"),
  short: async (wire) => {
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    wire.close();
  },
  long: async (wire) => {
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more");
    wire.close();
  },
};

/** Requests of clients, each with its response, whatever the others do. */
const REQUESTS_OF: readonly { path: string; expect: (response: RawResponse) => boolean }[] = [
  ...Array.from({ length: 6 }, (_, i) => ({ path: `/answer/${i}`, expect: isEcho })),
  ...Array.from({ length: 4 }, () => ({ path: "/origin/good", expect: isText(200, "ok") })),
  { path: "/origin/stall", expect: isStatus(502) },
  { path: "/origin/reset", expect: isStatus(502) },
  { path: "/origin/garbage", expect: isStatus(502) },
  { path: "/origin/short", expect: (response) => response.status !== 200 || !response.whole },
  { path: "/origin/long", expect: isText(200, "ok") },
  { path: "/spin", expect: isFault(/cpu_time/) },
  { path: "/recurse", expect: isFault(/call stack/) },
  { path: "/memory", expect: isFault(/unreachable/) },
  { path: "/trap", expect: isFault(/unreachable/) },
  { path: "/exit", expect: isFault(/exited with status 3/) },
  { path: "/half", expect: (response) => response.status === 200 && !response.whole },
  { path: "/background", expect: isEcho },
];

Deno.test("whatever clients, backends and guests do, every other request gets its right answer", async () => {
  const origin = rawOrigin(async (wire) => {
    for (let head; (head = await wire.head());) {
      await ORIGIN[/^GET \S*\/origin\/(\w+)/.exec(head)?.[1] ?? "reset"]!(wire);
    }
  });
  const config = `[local_server.backends.origin]
url = "${origin.url}"
first_byte_timeout_ms = 3000
`;
  try {
    await withFiles({ "fastly.toml": config }, async (folder) => {
      const { cli, url } = await CliServer.start([
        ...["-C", `${folder}/fastly.toml`, "--limit", "cpu_time=100ms", "--limit", "memory=2MiB"],
        guestUrl("chaos").pathname,
      ]);
      await using _ = cli;
      const port = Number(new URL(url).port);
      const wrong: string[] = [];
      const random = randomOf(SEED);
      await Promise.all(Array.from({ length: WORKERS }, async () => {
        for (let i = 0; i < REQUESTS; i++) wrong.push(...await oneOf(port, random));
      }));
      assertEquals(wrong, []);
      for (const path of ["/answer/end", "/origin/good"]) {
        assertEquals((await fetchRaw(port, path)).status, 200);
      }
      cli.signal("SIGINT");
      const { code, stderr } = await cli.end();
      assertEquals(code, 0);
      assert(!/Uncaught|panicked|at file:/.test(stderr), stderr);
    });
  } finally {
    await origin.close();
  }
});

/** Sends one request of the mix, or leaves in the middle of one; returns the fault. */
async function oneOf(port: number, random: () => number): Promise<string[]> {
  const { path, expect } = REQUESTS_OF[Math.floor(random() * REQUESTS_OF.length)]!;
  const leaves = random();
  if (leaves < 0.1) {
    using wire = await Wire.open(port);
    await wire.send(`GET ${path} HTTP/1.1\r\nHost: test.example\r\n${leaves < 0.05 ? "" : "\r\n"}`);
    return [];
  }
  const response = await fetchRaw(port, path);
  return expect(response) ? [] : [`${path}: ${response.status} ${response.body.slice(0, 80)}`];
}

function isEcho({ status, body }: RawResponse): boolean {
  return status === 200 && body.startsWith("http://test.example/");
}

function isText(status: number, text: string): (response: RawResponse) => boolean {
  return (response) => response.status === status && response.body === text;
}

function isStatus(status: number): (response: RawResponse) => boolean {
  return (response) => response.status === status;
}

function isFault(message: RegExp): (response: RawResponse) => boolean {
  return ({ status, body }) => status === 500 && message.test(body);
}

/** Numbers from 0 to 1, the same at each run (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
