import { Output, type OutputStream } from "../../../cli/telemetry/output.ts";
import { recordFirst } from "../../../cli/telemetry/request_log.ts";
import { openTerminal, type Terminal } from "../../../cli/telemetry/terminal.ts";
import { RequestMetrics } from "../../../service/http/request_metrics.ts";
import type { LogEntry } from "../../../service/log.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import { withFiles } from "../commands.ts";
import { Cli, CliServer } from "../../process.ts";
import { guestUrl } from "../../guests/serving.ts";

const RUST = guestUrl("rust").pathname;

/** One terminal for both streams. */
class Screen implements OutputStream {
  text = "";

  writeSync(bytes: Uint8Array): number {
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  isTerminal(): boolean {
    return false;
  }

  lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

/** Lines on the screen after notes to the terminal. */
async function shown(tell: (terminal: Terminal) => void | Promise<void>): Promise<string[]> {
  const screen = new Screen();
  const terminal = openTerminal({
    verbosity: 0,
    requestIds: true,
    stdout: new Output(screen, false),
    stderr: new Output(screen, false),
  });
  try {
    using ordered = recordFirst(terminal);
    await tell(ordered);
  } finally {
    terminal.close();
  }
  return screen.lines();
}

const failing = (requestId: string | undefined, message: string): LogEntry => ({
  kind: "host",
  level: "error",
  message,
  ...requestId !== undefined && { requestId },
});

const record = (requestId: string) => ({
  method: "GET",
  target: "/",
  client: "127.0.0.1",
  status: 500,
  millis: 1,
  bytes: 2,
  whole: true,
  metrics: Object.assign(new RequestMetrics(), { requestId }),
});

Deno.test("a request's access line comes before its errors, and both have its id", async () => {
  const lines = await shown((terminal) => {
    terminal.log(failing("a", "one"));
    terminal.log(failing("b", "two\n  of two lines"));
    terminal.log(failing(undefined, "of no request"));
    terminal.access(record("b"));
    terminal.access(record("a"));
    terminal.log(failing("a", "late"));
  });
  assertEquals(lines, [
    "error: of no request",
    "GET / 500 1.0ms 2B request=b",
    "error: two (request b)",
    "  of two lines",
    "GET / 500 1.0ms 2B request=a",
    "error: one (request a)",
    "error: late (request a)",
  ]);
});

Deno.test("errors of a request that goes on are logged before its access line", async () => {
  const screen = new Screen();
  const terminal = openTerminal({
    verbosity: 0,
    stdout: new Output(screen, false),
    stderr: new Output(screen, false),
  });
  const told = Promise.withResolvers<void>();
  using ordered = recordFirst({
    ...terminal,
    log(entry) {
      terminal.log(entry);
      told.resolve();
    },
  });
  ordered.log(failing("a", "it hangs"));
  await told.promise;
  terminal.close();
  assertEquals(screen.lines(), ["error: it hangs"]);
});

Deno.test("a guest's request for an undefined backend is logged after its access line, with the same id", async () => {
  const { cli, url } = await CliServer.start([RUST]);
  await using _ = cli;
  await (await fetch(`${url}/proxy/a`)).text();
  const [, id] = /^GET \/proxy\/a \d+ .* request=([0-9a-f]{32})$/.exec(await cli.line())!;
  assertEquals(await cli.line("stderr"), `error: No backend is named "origin" (request ${id})`);
});

Deno.test("with --log-format json the request's record has the id that its errors have", async () => {
  await withFiles({}, async (cwd) => {
    const { cli, url } = await CliServer.of(
      new Cli([RUST, "--bind", "localhost:0", "--log-format", "json"], { cwd }),
    );
    await using _ = cli;
    await (await fetch(`${url}/proxy/a`)).text();
    const { requestId } = JSON.parse(await cli.line());
    assertMatch(requestId, /^[0-9a-f]{32}$/);
    assertEquals(
      await cli.line("stderr"),
      `error: No backend is named "origin" (request ${requestId})`,
    );
  });
});
