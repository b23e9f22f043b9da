// Measures hello over HTTP/1.1 and HTTP/2, in clear and over TLS, with h2load (Debian's nghttp2-client):
//
//   deno run -A bench/protocols.ts [guest]
//
// Handshakes are measured apart: as many connections as can be made, each for one request.
import { HELLO } from "./cases.ts";

const SECONDS = 5;
const CONNECTIONS = 32;
const [guest = "rust"] = Deno.args;
const ROOT = new URL("../", import.meta.url).pathname;

interface Way {
  readonly name: string;
  readonly secure: boolean;
  /** Arguments of h2load. */
  readonly args: readonly string[];
}

const DURING = ["-D", String(SECONDS), "--warm-up-time", "1", "-c", String(CONNECTIONS)];
const WAYS: readonly Way[] = [
  { name: "HTTP/1.1", secure: false, args: ["--h1", ...DURING] },
  { name: "HTTP/2, 1 stream", secure: false, args: ["-m1", ...DURING] },
  { name: "HTTP/2, 10 streams", secure: false, args: ["-m10", ...DURING] },
  { name: "HTTP/1.1 and TLS", secure: true, args: ["--h1", ...DURING] },
  { name: "HTTP/2 and TLS, 1 stream", secure: true, args: ["-m1", ...DURING] },
  { name: "HTTP/2 and TLS, 10 streams", secure: true, args: ["-m10", ...DURING] },
  { name: "TLS handshakes", secure: true, args: ["--h1", "-n", "1000", "-c", "1000"] },
];

const folder = await Deno.makeTempDir();
try {
  print(`${guest}, ${HELLO.path}, ${CONNECTIONS} connections for ${SECONDS} s, by h2load\n`);
  for (const secure of [false, true]) {
    const { process, url } = await start(secure);
    try {
      for (const way of WAYS.filter((way) => way.secure === secure)) await measure(way, url);
    } finally {
      process.kill("SIGKILL");
      await process.status;
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function start(secure: boolean): Promise<{ process: Deno.ChildProcess; url: string }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", `${ROOT}cli.ts`, `${ROOT}testdata/built/${guest}.wasm`],
      ...["--bind", "127.0.0.1:0", secure ? "--https" : "--h2c"],
    ],
    env: { NO_COLOR: "1", XDG_DATA_HOME: folder },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`Cannot start the server: ${text}`);
    text += value;
  }
  void drain(lines); // access lines
  return { process, url: /Listening on (\S+)/.exec(text)![1]! + HELLO.path };
}

async function drain(lines: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await lines.read()).done);
}

async function measure({ name, args }: Way, url: string): Promise<void> {
  const { stdout } = await new Deno.Command("h2load", { args: ["-t1", ...args, url] }).output();
  const text = new TextDecoder().decode(stdout);
  const [, rate = "?"] = /, ([\d.]+) req\/s/.exec(text) ?? [];
  const [, failed = "?"] = /(\d+) failed/.exec(text) ?? [];
  const [, mean = "?"] = /time for request:\s+\S+\s+\S+\s+(\S+)/.exec(text) ?? [];
  const rest = failed === "0" ? "" : ` (${failed} failed)`;
  print(`${name.padEnd(28)} ${rate.padStart(9)} req/s  mean ${mean}${rest}`);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}
