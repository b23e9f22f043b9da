/** The example of docs/fanout.md, over a real Pushpin. */
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { has, ROOT, withFiles } from "./cli/commands.ts";
import { Cli, CliServer, Process } from "./process.ts";
import { guestUrl } from "./guests/serving.ts";

const PAGE = await Deno.readTextFile(`${ROOT}/docs/fanout.md`);
const [, CONF] = /^```ini\n(.*?)^```$/ms.exec(PAGE)!;
const [, ROUTES] = /^`routes`.*?^```\n(.*?)^```$/ms.exec(PAGE)!;
const [, MESSAGE] = /-d '(.*?)' \\$/m.exec(PAGE)!;
const [, FLAGS] = /^fastlike app\.wasm (.+)$/m.exec(PAGE)!;
const [, COMMAND] = /^pushpin (.+)$/m.exec(PAGE)!;
const installed = await has("pushpin", "--version");

/** Two ports that were free a moment ago: Pushpin takes no port 0. Both are held at once, so that they differ. */
function freePorts(): [number, number] {
  using one = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return [one.addr.port, other.addr.port];
}

/** The text of a page with ports of this test in the place of its own. */
function withPorts(text: string, ports: Readonly<Record<string, number>>): string {
  return text.replaceAll(/\b(7999|5561|8000)\b/g, (port) => String(ports[port]));
}

/** A Pushpin in a folder, which ends with the test. */
interface Pushpin extends AsyncDisposable {
  /** Publishes the page's message to its channel. */
  publish(): Promise<void>;
}

/** Starts Pushpin with the page's files; resolves when all of its services have started. */
async function startPushpin(
  cwd: string,
  ports: Readonly<Record<string, number>>,
): Promise<Pushpin> {
  const args = ["--merge-output", ...COMMAND!.split(" ")];
  const child = new Process("pushpin", args, { cwd, last: "SIGTERM" });
  for (const name of ["[proxy]", "[handler]", "[zurl]", "[condure] [condure]"]) {
    await child.until(new RegExp(RegExp.escape(`${name} started`)));
  }
  return {
    async publish() {
      const url = `http://127.0.0.1:${ports[5561]}/publish/`;
      const response = await fetch(url, { method: "POST", body: MESSAGE! });
      assertEquals(response.status, 200, await response.text());
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** A backend that holds requests for the channel, and gets WebSockets as requests (WebSocket over HTTP). */
async function answer(request: Request): Promise<Response> {
  if (request.headers.get("content-type") !== "application/websocket-events") {
    const headers = { "grip-hold": "stream", "grip-channel": "room" };
    return new Response("first\n", { headers });
  }
  const events = await request.text();
  const headers = { "content-type": "application/websocket-events" };
  if (!events.startsWith("OPEN")) return new Response(events, { headers });
  const control = 'c:{"type":"subscribe","channel":"room"}';
  const body = `OPEN\r\nTEXT ${control.length.toString(16)}\r\n${control}\r\n`;
  return new Response(body, {
    headers: { ...headers, "sec-websocket-extensions": 'grip; message-prefix=""' },
  });
}

async function withPushpin(
  use: (host: string, pushpin: Pushpin, seen: readonly Request[]) => Promise<void>,
): Promise<void> {
  const seen: Request[] = [];
  await using origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    seen.push(request.clone());
    return answer(request);
  });
  const [clients, publishing] = freePorts();
  const ports = { 7999: clients, 5561: publishing, 8000: origin.addr.port };
  const files = { "pushpin.conf": withPorts(CONF!, ports), routes: withPorts(ROUTES!, ports) };
  await withFiles(files, async (cwd) => {
    for (const folder of ["run", "log"]) await Deno.mkdir(`${cwd}/${folder}`);
    await using pushpin = await startPushpin(cwd, ports);
    const flags = withPorts(FLAGS!, ports).split(" ");
    const app = await Deno.realPath(guestUrl("rust"));
    await using guest = new Cli([app, "--bind", "localhost:0", ...flags], { cwd });
    await use(new URL((await CliServer.of(guest)).url).host, pushpin, seen);
  });
}

Deno.test({
  name: "a request that is handed off to Pushpin is held, and gets published messages",
  ignore: !installed,
  fn: () =>
    withPushpin(async (host, pushpin, seen) => {
      const abort = new AbortController();
      const response = await fetch(`http://${host}/fanout`, { signal: abort.signal });
      const chunks = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
      assertEquals((await chunks.next()).value, "first\n");
      await pushpin.publish();
      assertEquals((await chunks.next()).value, "hello\n");
      assert(seen[0]!.headers.has("grip-sig"));
      abort.abort();
      await chunks.next().catch(() => {});
    }),
});

Deno.test({
  name:
    "a WebSocket that is handed off to Pushpin gets published messages, and answers of the backend",
  ignore: !installed,
  fn: () =>
    withPushpin(async (host, pushpin, seen) => {
      const socket = new WebSocket(`ws://${host}/fanout`);
      const next = () =>
        new Promise<unknown>((resolve, reject) => {
          socket.onmessage = ({ data }) => resolve(data);
          socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
        });
      await new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error("it does not open"));
      });
      const echoed = next();
      socket.send("to the backend");
      assertEquals(await echoed, "to the backend");
      const published = next();
      await pushpin.publish();
      assertEquals(await published, "hello");
      assertStringIncludes(await seen[0]!.text(), "OPEN");
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      await closed;
    }),
});
