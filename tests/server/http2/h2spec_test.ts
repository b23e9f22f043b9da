import { assertEquals } from "../../assert.ts";
import { has } from "../../cli/commands.ts";
import { answerText, serving } from "../wire.ts";

/** Cases of h2spec that fail, with the reason. */
const FAILS = [
  // The port speaks HTTP/1.1 as well, in which a preface of another protocol gets a 400.
  "2: Sends invalid connection preface",
  // A window that overflows is a connection error to nghttp2, below `node:http2` (allowed by RFC 9113, section 5.4).
  "3: Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
];

/** h2spec in PATH, or where `go install` puts it; undefined if it is in neither. */
async function findH2spec(): Promise<string | undefined> {
  for (const path of ["h2spec", `${Deno.env.get("HOME")}/go/bin/h2spec`]) {
    if (await has(path, "--version")) return path;
  }
  return undefined;
}

const h2spec = await findH2spec();

Deno.test({
  name: "h2spec, a suite for HTTP/2 servers, passes but for two cases",
  ignore: h2spec === undefined,
  async fn() {
    await using server = await serving((exchange) => answerText(exchange, "ok"), { h2c: true });
    const { stdout } = await new Deno.Command(h2spec!, {
      args: ["-h", "127.0.0.1", "-p", String(server.port), "--timeout", "20"],
    }).output();
    const text = new TextDecoder().decode(stdout);
    const failures = text.slice(text.indexOf("Failures:")).matchAll(/× (.*)/g);
    assertEquals(Array.from(failures, ([, name]) => name), FAILS);
    assertEquals(/\n(\d+) tests/.exec(text)?.[1], "145");
  },
});
