import * as http2 from "node:http2";
import { assertEquals } from "../../assert.ts";
import { CLI, ROOT } from "../../cli/commands.ts";

const CONNECTIONS = 20;
const REQUESTS = 100;

/** Sends requests over a connection one after another, and says GOAWAY; returns how many were answered with 200. */
function exchange(origin: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const client = http2.connect(origin);
  let answered = 0;
  client.on("error", () => {});
  client.on("close", () => resolve(answered));
  const next = () => {
    if (client.destroyed || client.closed) return;
    const stream = client.request({ ":path": "/hello" });
    stream.on("response", (head) => answered += Number(head[":status"] === 200));
    stream.on("error", () => {});
    stream.on("close", () => answered < REQUESTS ? next() : client.close());
    stream.resume();
    stream.end();
  };
  next();
  return promise;
}

Deno.test("clients that say GOAWAY at the end of their connections do not end the process", async () => {
  // Without the delay of a session's end about two of three processes crash: see bench/http2_end.ts.
  for (let process = 0; process < 4; process++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", CLI, "--h2c", "--bind", "127.0.0.1:0"],
        `${ROOT}/testdata/built/rust.wasm`,
      ],
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    const [, origin] = /^Listening on (\S+)/.exec((await lines.next()).value ?? "") ?? [];
    const drained = (async () => {
      while (!(await lines.next()).done);
    })();
    const all = Array.from({ length: CONNECTIONS }, () => exchange(origin!));
    const answered = await Promise.all(all);
    assertEquals((await fetch(`${origin}/hello`)).status, 200);
    assertEquals(answered, Array(CONNECTIONS).fill(REQUESTS));
    child.kill("SIGTERM");
    await drained;
    assertEquals((await child.status).code, 0);
  }
});
