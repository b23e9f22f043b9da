import { assertEquals, assertMatch } from "../../assert.ts";
import type { LogEntry } from "../../../service/log.ts";
import { RequestMetrics } from "../../../service/http/request_metrics.ts";
import { Output, type OutputStream } from "../../../cli/telemetry/output.ts";
import { openTerminal, type Terminal } from "../../../cli/telemetry/terminal.ts";

class Stream implements OutputStream {
  text = "";
  writes = 0;
  readonly #terminal: boolean;

  constructor(terminal = false) {
    this.#terminal = terminal;
  }

  writeSync(bytes: Uint8Array): number {
    this.writes++;
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  isTerminal(): boolean {
    return this.#terminal;
  }
}

const requestId = "1";

/** Output of a terminal on stdout and stderr. */
async function shown(
  verbosity: number,
  tell: (terminal: Terminal) => void,
  isTerminal = false,
  colours = true,
): Promise<[stdout: string, stderr: string]> {
  const [out, err] = [new Stream(isTerminal), new Stream(isTerminal)];
  const terminal = openTerminal({
    verbosity,
    stdout: new Output(out, colours),
    stderr: new Output(err, colours),
  });
  try {
    tell(terminal);
    await new Promise((resolve) => setTimeout(resolve)); // the turn in which buffers are written
  } finally {
    terminal.close();
  }
  return [out.text, err.text];
}

Deno.test("log endpoints are shown with their name, each record on a line", async () => {
  const log = (message: string): LogEntry => ({
    kind: "endpoint",
    requestId,
    endpoint: "e",
    message,
  });
  assertEquals(
    await shown(0, (terminal) => {
      terminal.log(log("one {template} {{}}"));
      terminal.log(log("two\nlines"));
      terminal.log(log(""));
    }),
    ["e :: one {template} {{}}\ne :: two\\nlines\n", ""],
  );
});

Deno.test("the guest's standard streams pass as they are", async () => {
  assertEquals(
    await shown(0, (terminal) => {
      terminal.log({ kind: "stdout", requestId, message: "to {stdout}" });
      terminal.log({ kind: "stderr", requestId, message: "" });
    }),
    ["to {stdout}\n", "\n"],
  );
});

Deno.test("host events go to stderr, debug ones with -v and hostcalls with -vv", async () => {
  const tell = (terminal: Terminal) => {
    for (const level of ["debug", "info", "warning", "error"] as const) {
      terminal.log({ kind: "host", level, message: "m" });
    }
    terminal.log({
      kind: "hostcall",
      requestId,
      module: "fastly_http_body",
      name: "read",
      args: [1, 2n],
      status: 0,
      micros: 12.3,
    });
  };
  const told = "info: m\nwarning: m\nerror: m\n";
  assertEquals(await shown(0, tell), ["", told]);
  assertEquals(await shown(1, tell), ["", "debug: m\n" + told]);
  assertEquals(await shown(2, tell), [
    "",
    `debug: m\n${told}fastly_http_body.read(1, 2) = 0 12us\n`,
  ]);
});

const entry = {
  method: "GET",
  target: "/{a}?b",
  client: "127.0.0.1",
  status: 200,
  millis: 1.26,
  bytes: 23,
  whole: true,
  metrics: new RequestMetrics(),
};

Deno.test("a request is one line: method, path, status, time, bytes", async () => {
  assertEquals(
    await shown(0, (terminal) => {
      terminal.access(entry);
      terminal.access({ ...entry, status: 0, bytes: 0, whole: false });
    }),
    ["GET /{a}?b 200 1.3ms 23B\nGET /{a}?b - 1.3ms 0B cut\n", ""],
  );
});

Deno.test("the line of a request has the use of the cache and a limit; with -v the guest's resources", async () => {
  const metrics = new RequestMetrics();
  metrics.cache.push("miss", "hit");
  metrics.activeMillis = 12.34;
  metrics.peakMemory = 1.25 * 2 ** 20;
  metrics.hostcalls = 17;
  metrics.limit = "wall_time 120s";
  const tell = (terminal: Terminal) => terminal.access({ ...entry, metrics });
  const line = "GET /{a}?b 200 1.3ms 23B cache=miss,hit";
  assertEquals((await shown(0, tell))[0], `${line} limit="wall_time 120s"\n`);
  const took = "cpu=12.3ms mem=1.3MiB calls=17";
  assertEquals((await shown(1, tell))[0], `${line} ${took} limit="wall_time 120s"\n`);
});

Deno.test("the line of a request is one JSON object when those are asked for", () => {
  const out = new Stream();
  const terminal = openTerminal({
    verbosity: 0,
    format: "json",
    stdout: new Output(out, true),
    stderr: new Output(new Stream(), true),
  });
  const metrics = new RequestMetrics();
  metrics.cache.push("stale");
  metrics.activeMillis = 12.34567;
  metrics.peakMemory = 65_536;
  metrics.hostcalls = 17;
  metrics.limit = "wall_time 120s";
  terminal.access({ ...entry, metrics });
  terminal.access(entry);
  terminal.close();
  const [one, two] = out.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const { time, ...fields } = one;
  assertMatch(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals(fields, {
    method: "GET",
    target: "/{a}?b",
    client: "127.0.0.1",
    status: 200,
    millis: 1.26,
    bytes: 23,
    whole: true,
    cache: ["stale"],
    cpu_ms: 12.346,
    peak_memory: 65_536,
    hostcalls: 17,
    limit: "wall_time 120s",
  });
  assertEquals([two.cache, two.cpu_ms, "limit" in two], [[], 0, false]);
});

Deno.test("colours are for terminals, where they are welcome", async () => {
  const tell = (terminal: Terminal) => terminal.note("error", "m");
  assertEquals(await shown(0, tell, true), ["", "\x1b[31merror\x1b[0m: m\n"]);
  assertEquals(await shown(0, tell, true, false), ["", "error: m\n"]);
  assertEquals(await shown(0, tell, false, true), ["", "error: m\n"]);
});

Deno.test("the lines of a turn are written together", async () => {
  const stream = new Stream();
  const output = new Output(stream, false);
  output.line("one");
  output.line("two");
  assertEquals(stream.writes, 0);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([stream.writes, stream.text], [1, "one\ntwo\n"]);
  output.line("x".repeat(70_000));
  assertEquals(stream.writes, 2);
});

Deno.test("short writes are completed, and a closed stream is no failure", () => {
  let text = "";
  const slow = new Output({
    writeSync: (bytes) => {
      text += String.fromCharCode(bytes[0]!);
      return 1;
    },
    isTerminal: () => false,
  }, false);
  slow.line("abc");
  slow.flush();
  assertMatch(text, /^abc\n$/);
  const closed = new Output({
    writeSync: () => {
      throw new Deno.errors.BrokenPipe();
    },
    isTerminal: () => false,
  }, false);
  closed.line("abc");
  closed.flush();
});
