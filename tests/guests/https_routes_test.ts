import { listen } from "../../server/listener.ts";
import type { Listener } from "../../server/listen_options.ts";
import type { TlsOptions } from "../../server/tls/tls_options.ts";
import { type Exchange, HttpVersion } from "../../service/http/exchange.ts";
import { Fastlike } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { HAS_BROWSER, openBrowser } from "../browser.ts";
import { createAuthority } from "../certificates.ts";
import { exchange } from "./http.ts";
import { guestUrl, type Origin, startOrigin, testGuestOnce } from "./serving.ts";
import {
  type Asked,
  browserClient,
  type Client,
  CLIENTS,
  type Told,
  told,
  USER_AGENT,
} from "./ways.ts";

const BYTES = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");

const TEXT = { "content-type": "text/plain" };

/** Every route of the Rust and JavaScript guests; one that a guest does not have is a 404 by each way. */
const ROUTES: readonly Asked[] = [
  { path: "/hello" },
  { method: "HEAD", path: "/hello" },
  { method: "PUT", path: "/echo", headers: { "content-type": "x/y" }, body: BYTES },
  { method: "POST", path: "/echo", headers: TEXT, body: "x".repeat(1_000_000) },
  { method: "POST", path: "/echo", headers: TEXT, body: "" },
  { path: "/headers", headers: { "x-foo": "1", "x-bar": "caf" } },
  { method: "POST", path: "/proxy/a/b?c=d", headers: { "x-one": "1" }, body: "ping" },
  { path: "/proxy/a", headers: { "x-backend": "dead" } },
  { path: "/proxy/a", headers: { "x-backend": "nowhere" } },
  { path: "/stream?n=1000" },
  { path: "/geo" },
  { path: "/user-agent", headers: { "user-agent": USER_AGENT } },
  { path: "/early-hint" },
  { path: "/log" },
  { path: "/trap" },
  { path: "/exit" },
  { path: "/allocate" },
  { path: "/sleep?ms=20" },
  { path: "/client" },
  { path: "/url?a=%2F&b=1" },
  { path: "/config?key=greeting" },
  { path: "/env" },
  { path: "/background" },
  { path: "/trailers" },
  { path: "/trailers?stream" },
  { path: "/respond-twice-and-trap" },
  { path: "/nothing" },
  { path: "/status?code=404" },
  { path: "/status?code=599" },
  { path: "/status?code=204" },
  { path: "/parallel" },
  { path: "/upload" },
  { path: "/dynamic" },
  { path: "/websocket" },
  { path: "/fanout" },
  { path: "/pending" },
  { method: "PUT", path: "/kv/put?key=a", body: "value" },
  { path: "/kv/get?key=a" },
  { path: "/kv/list" },
  { path: "/kv/page" },
  { method: "DELETE", path: "/kv/delete?key=a" },
  { path: "/secret?name=api" },
  { path: "/acl?name=blocked&ip=192.0.2.1" },
  { path: "/device", headers: { "user-agent": USER_AGENT } },
  { path: "/shield" },
  { method: "POST", path: "/cache/simple?key=a", body: "cached" },
  { path: "/cache/simple?key=a" },
  { path: "/cache/simple-purge?key=a" },
  { method: "POST", path: "/cache/insert?key=b&max_age=60", body: "object" },
  { path: "/cache/lookup?key=b" },
  { path: "/cache/count?key=b" },
  { path: "/rate/count?name=a" },
  { path: "/rate/check?name=a" },
  { path: "/rate/box?name=a" },
  { path: "/http-cache/hello" },
  { path: "/dynamic-defaults" },
  { path: "/nope" },
];

/** A guest served on a port of its own, with stores and backends in their first state. */
async function serve(
  name: string,
  origin: Pick<Origin, "url">,
  tls?: TlsOptions,
  seen?: (exchange: Exchange) => void,
): Promise<Listener & AsyncDisposable> {
  const app = await Fastlike.load(guestUrl(name), {
    backends: { origin: origin.url, dead: "http://127.0.0.1:1" },
    configStores: { settings: { greeting: "hello" } },
    kvStores: { store: {} },
    log: () => {},
  });
  const listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    answer(exchange) {
      seen?.(exchange);
      return app.answer(exchange);
    },
  });
  return {
    ...listener,
    async [Symbol.asyncDispose]() {
      await listener.drain(0);
      await app[Symbol.asyncDispose]();
    },
  };
}

/** Requests every route; parts of responses that depend on place and time are removed. */
async function askAll(client: Pick<Client, "ask">): Promise<[route: string, answer: Told][]> {
  const all: [string, Told][] = [];
  for (const asked of ROUTES) {
    const name = `${asked.method ?? "GET"} ${asked.path} ${JSON.stringify(asked.headers ?? {})}`;
    all.push([name, normalized(asked.path, await client.ask(asked))]);
  }
  return all;
}

function normalized(path: string, answer: Told): Told {
  let body = answer.body.replaceAll(/https?:\/\/(localhost|127\.0\.0\.1)(:\d+)?/g, "http://host");
  const lines = (test: (line: string) => boolean) => body.split("\n").filter(test).join("\n");
  if (path === "/headers") body = lines((line) => line.startsWith("x-")).split("\n").sort().join();
  if (path === "/env") body = lines((line) => !line.includes("TRACE_ID"));
  const fields = answer.fields.filter((field) =>
    !/^x-(original-names|header-count|fastly-ssl):/.test(field)
  );
  return { ...answer, body, fields };
}

async function overPlainHttp(port: number, asked: Asked): Promise<Told> {
  const { method = "GET", path, headers = {}, body } = asked;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers, ...length })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const answer = await exchange(port, `${method} ${path} HTTP/1.1\r\n${lines}\r\n${body ?? ""}`);
  return told(answer.status, answer.headers.flat(), answer.body);
}

const ALL_CLIENTS: Readonly<Record<string, (url: string, ca: string) => Promise<Client>>> = {
  ...CLIENTS,
  ...HAS_BROWSER && { "Chromium over HTTP/2": browserClient },
};

for (const guest of ["rust", "javascript"]) {
  testGuestOnce(guest, "every route answers over TLS as in clear, by each client", async (t) => {
    const authority = await createAuthority();
    const identity = await authority.issue(["localhost", "ip:127.0.0.1", "ip:::1"]);
    await using origin = await startOrigin((request, response) => {
      request.on("end", () => response.end(`origin: ${request.method} ${request.url}\n`));
    });
    let expected: [string, Told][];
    {
      await using plain = await serve(guest, origin);
      expected = await askAll({ ask: (asked) => overPlainHttp(plain.port, asked) });
    }
    const statuses = new Set(expected.map(([, { status }]) => status));
    assert(statuses.has(200) && statuses.has(404) && statuses.has(500), [...statuses].join());
    for (const [name, open] of Object.entries(ALL_CLIENTS)) {
      await t.step(name, async () => {
        await using served = await serve(guest, origin, identity);
        await using client = await open(served.url, authority.ca);
        for (const [at, [route, answer]] of (await askAll(client)).entries()) {
          assertEquals(answer, expected[at]![1], route);
        }
      });
    }
  });
}

testGuestOnce("rust", "Chromium's WebSocket goes over HTTP/2 to an origin of HTTP/1", async () => {
  if (!HAS_BROWSER) return;
  const authority = await createAuthority();
  const identity = await authority.issue(["ip:127.0.0.1"]);
  await using origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`echo: ${data}`);
    return response;
  });
  const seen: [path: string, version: number][] = [];
  const url = `http://127.0.0.1:${origin.addr.port}`;
  await using served = await serve("rust", { url }, identity, ({ head }) => {
    seen.push([new URL(head.url).pathname, head.version]);
  });
  await using browser = await openBrowser(authority.ca);
  const page = await browser.newPage();
  await page.goto(`${served.url}/hello`);
  const answer = await page.evaluate(() =>
    new Promise((resolve) => {
      const socket = new WebSocket(`wss://${location.host}/websocket`);
      socket.onopen = () => socket.send("hello");
      socket.onmessage = ({ data }) => {
        resolve(data);
        socket.close();
      };
      socket.onerror = () => resolve("failed");
    })
  );
  assertEquals(answer, "echo: hello");
  assertEquals(seen.find(([path]) => path === "/websocket"), ["/websocket", HttpVersion.h2]);
});

Deno.test({
  name: "Chromium and certutil are there to test with",
  ignore: !HAS_BROWSER,
  fn() {
    assert("Chromium over HTTP/2" in ALL_CLIENTS);
  },
});
