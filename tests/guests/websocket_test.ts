import { assert, assertEquals, assertMatch } from "../assert.ts";
import { createAuthority } from "../certificates.ts";
import { Wire } from "../server/wire.ts";
import { fetchRaw, response, valuesOf } from "./http.ts";
import { serveGuest, testGuest } from "./serving.ts";

/** Code of Deno for a connection that ends without a close message. */
const NO_CLOSE = 0;

interface LiveOrigin extends AsyncDisposable {
  readonly port: number;
  /** Requests that it has got. */
  readonly seen: { readonly path: string; readonly headers: Headers }[];
  /** Codes and reasons of the sockets that have closed; resolves when there is one more. */
  closed(): Promise<readonly [code: number, reason: string]>;
}

/**
 * An origin whose WebSockets send back what they get, but close with 4001 at `close`. Other requests get a stream of
 * three events.
 */
function liveOrigin(tls?: { cert: string; key: string }): LiveOrigin {
  const seen: { path: string; headers: Headers }[] = [];
  const closes: (readonly [number, string])[] = [];
  let waiting: (() => void) | undefined;
  const handler = (request: Request) => {
    seen.push({ path: new URL(request.url).pathname, headers: new Headers(request.headers) });
    if (request.headers.get("upgrade") !== "websocket") return events(request);
    const protocol = request.headers.get("sec-websocket-protocol");
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) =>
      data === "close" ? socket.close(4001, "as asked") : socket.send(data);
    socket.onclose = ({ code, reason }) => {
      closes.push([code, reason]);
      waiting?.();
    };
    socket.onerror = () => {};
    return response;
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {}, ...tls }, handler);
  return {
    port: server.addr.port,
    seen,
    async closed() {
      if (!closes.length) await new Promise<void>((resolve) => waiting = resolve);
      return closes.shift()!;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function events(request: Request): Response {
  let next = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (next < 3) controller.enqueue(new TextEncoder().encode(`data: ${next++}\n\n`));
      else controller.close();
    },
  });
  return new Response(request.method === "POST" ? request.body : body, {
    headers: { "content-type": "text/event-stream" },
  });
}

/** A WebSocket whose messages are awaited one by one. */
async function open(url: string, protocols?: string[]) {
  const socket = new WebSocket(url, protocols ?? []);
  socket.binaryType = "arraybuffer";
  const messages: unknown[] = [];
  let wake = () => {};
  const closed = new Promise<readonly [code: number, reason: string]>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
  });
  socket.onmessage = ({ data }) => {
    messages.push(data);
    wake();
  };
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
  });
  socket.onerror = () => {};
  return {
    socket,
    closed,
    async next() {
      while (!messages.length) await new Promise<void>((resolve) => wake = resolve);
      return messages.shift();
    },
  };
}

for (const name of ["rust", "javascript"]) {
  testGuest(name, "a WebSocket goes through to the backend, both ways", async () => {
    await using origin = liveOrigin();
    const backends = { origin: `http://127.0.0.1:${origin.port}/prefix` };
    await using guest = await serveGuest(name, { backends });
    const live = await open(`ws://127.0.0.1:${guest.port}/websocket?room=1`, ["chat"]);
    assertEquals(live.socket.protocol, "chat");
    live.socket.send("text: ☃");
    assertEquals(await live.next(), "text: ☃");
    live.socket.send(new Uint8Array([0, 255, 1]));
    assertEquals(new Uint8Array(await live.next() as ArrayBuffer), new Uint8Array([0, 255, 1]));
    const large = crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(20);
    live.socket.send(large);
    assert(await live.next() === large, "2.5 MiB come back as they were");
    live.socket.send("close");
    assertEquals(await live.closed, [4001, "as asked"]);
    assertEquals(origin.seen[0]!.path, "/prefix/websocket");
    assertEquals(origin.seen[0]!.headers.get("host"), `127.0.0.1:${guest.port}`);
  });

  testGuest(name, "the client's own close, code and all, gets to the backend", async () => {
    await using origin = liveOrigin();
    const backends = { origin: `http://127.0.0.1:${origin.port}` };
    await using guest = await serveGuest(name, { backends });
    const live = await open(`ws://127.0.0.1:${guest.port}/websocket`);
    live.socket.close(4002, "enough");
    assertEquals(await origin.closed(), [4002, "enough"]);
    assertEquals((await live.closed)[0], 4002);
  });

  testGuest(name, "a WebSocket goes on over TLS to the backend", async () => {
    const authority = await createAuthority();
    await using origin = liveOrigin(await authority.issue(["origin.test"]));
    const backend = {
      url: `https://127.0.0.1:${origin.port}`,
      hostOverride: "origin.test",
      tls: { ca: authority.ca, sni: "origin.test" },
    };
    await using guest = await serveGuest(name, { backends: { origin: backend } });
    const live = await open(`ws://127.0.0.1:${guest.port}/websocket`);
    live.socket.send("secret");
    assertEquals(await live.next(), "secret");
    live.socket.close();
    await live.closed;
    assertEquals(origin.seen[0]!.headers.get("host"), "origin.test");
  });

  testGuest(name, "a backend that is dead is a 500 to the client", async () => {
    await using guest = await serveGuest(name, { backends: { origin: "http://127.0.0.1:1" } });
    using wire = await Wire.open(guest.port);
    await wire.send(
      "GET /websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    const answer = await response(wire);
    assertEquals(answer.status, 500);
    assertMatch(answer.body, /connection was refused/);
  });

  testGuest(name, "a WebSocket goes to Pushpin with the route's id", async () => {
    await using pushpin = liveOrigin();
    await using guest = await serveGuest(name, { pushpin: { port: pushpin.port } });
    const live = await open(`ws://127.0.0.1:${guest.port}/fanout`);
    live.socket.send("grip");
    assertEquals(await live.next(), "grip");
    live.socket.close();
    await live.closed;
    assertEquals(pushpin.seen[0]!.headers.get("pushpin-route"), "origin");
  });

  testGuest(name, "events, and requests with bodies, go through Pushpin as HTTP", async () => {
    await using pushpin = liveOrigin();
    const options = { pushpin: { host: "localhost", port: pushpin.port } };
    await using guest = await serveGuest(name, options);
    const stream = await fetchRaw(guest.port, "/fanout");
    assertEquals(stream.body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
    assertEquals(valuesOf(stream, "content-type"), ["text/event-stream"]);
    const post = await fetchRaw(guest.port, "/fanout", { method: "POST", body: "published" });
    assertEquals([post.status, post.body], [200, "published"]);
    assertEquals(pushpin.seen.map(({ headers }) => headers.get("pushpin-route")), [
      "origin",
      "origin",
    ]);
  });

  testGuest(name, "a guest learns that hand-offs are not enabled, and can answer", async () => {
    const backends = { origin: "http://127.0.0.1:1" };
    await using guest = await serveGuest(name, { backends, websockets: false });
    for (const path of ["/websocket", "/fanout"]) {
      const { status, body } = await fetchRaw(guest.port, path);
      // The JavaScript SDK makes an empty 500 of it by itself.
      assertEquals(status, name === "rust" ? 503 : 500);
      if (name === "rust") assertMatch(body, /FanoutNotEnabled/);
    }
  });
}

testGuest(
  "rust",
  "the guest's changes go with it, but for the handshake's own fields",
  async () => {
    await using origin = liveOrigin();
    const backends = { origin: `http://127.0.0.1:${origin.port}` };
    await using guest = await serveGuest("rust", { backends });
    const live = await open(`ws://127.0.0.1:${guest.port}/websocket`);
    live.socket.close();
    await live.closed;
    assertEquals(origin.seen[0]!.headers.get("x-added"), "by the guest");
  },
);

testGuest("rust", "a WebSocket goes through to a dynamic backend", async () => {
  await using origin = liveOrigin();
  await using guest = await serveGuest("rust");
  const target = encodeURIComponent(`127.0.0.1:${origin.port}`);
  const live = await open(`ws://127.0.0.1:${guest.port}/websocket-dynamic?target=${target}`);
  live.socket.send("dynamic");
  assertEquals(await live.next(), "dynamic");
  live.socket.close();
  await live.closed;
});

testGuest("rust", "a client that vanishes ends the backend's side", async () => {
  await using origin = liveOrigin();
  const backends = { origin: `http://127.0.0.1:${origin.port}` };
  await using guest = await serveGuest("rust", { backends });
  const wire = await Wire.open(guest.port);
  await wire.send(
    "GET /websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  assertMatch(await wire.until("\r\n\r\n"), /^HTTP\/1.1 101 /);
  wire.close();
  assertEquals((await origin.closed())[0], NO_CLOSE);
});

testGuest("rust", "disposal of an app ends connections that were handed off", async () => {
  await using origin = liveOrigin();
  const backends = { origin: `http://127.0.0.1:${origin.port}` };
  await using guest = await serveGuest("rust", { backends });
  const live = await open(`ws://127.0.0.1:${guest.port}/websocket`);
  await guest.app[Symbol.asyncDispose]();
  assertEquals((await live.closed)[0], NO_CLOSE);
});

testGuest("rust", "a response that is still to come outlives its guest", async () => {
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const origin = async () => {
    asked.resolve();
    await go.promise;
    return new Response("late");
  };
  await using guest = await serveGuest("rust", { backends: { origin } });
  const answer = fetchRaw(guest.port, "/pending");
  await asked.promise;
  // The guest ends without waiting: another request goes through meanwhile.
  await fetchRaw(guest.port, "/hello");
  go.resolve();
  assertEquals((await answer).body, "late");
});

testGuest("rust", "a client that leaves cancels the response that was still to come", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const go = Promise.withResolvers<void>();
  const origin = async ({ signal }: Request) => {
    asked.resolve(signal);
    await go.promise;
    return new Response("late");
  };
  await using guest = await serveGuest("rust", { backends: { origin } });
  const wire = await Wire.open(guest.port);
  await wire.send("GET /pending HTTP/1.1\r\nHost: a\r\n\r\n");
  const signal = await asked.promise;
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  wire.close();
  await aborted;
  go.resolve();
});

testGuest("javascript-serve", "a hand-off that fails does not end its sandbox", async () => {
  await using guest = await serveGuest("javascript-serve", {
    backends: { origin: "http://127.0.0.1:1" },
  });
  const trace = async () => (await fetchRaw(guest.port, "/")).body.split(" ").slice(0, 2);
  const [first] = await trace();
  assertEquals((await fetchRaw(guest.port, "/websocket")).status, 500);
  assertEquals(await trace(), [first, "3"]);
});
