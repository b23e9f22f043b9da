// Measures this project, and the official host beside it where it is installed:
//
//   deno task bench [guest...] [--connections=N]
//
// Each server is a process of its own, and one runs at a time, the hosts in turns. Of several turns the one with the most
// requests per second is shown, since other work on the machine can only lower the number. A request alone is the median of
// those that one connection sends after another.
import { type Case, CASES, prepare } from "./cases.ts";
import { autocannon, CONNECTIONS, type Load, wrk } from "./load.ts";
import { FASTLIKE, type Host, isInstalled, start, startOrigin, VICEROY } from "./server.ts";
import { messageOf } from "../service/errors.ts";

const GUESTS = Object.keys(CASES);
const TURNS = 2;
const WARM_UP_SECONDS = 1;
const SECONDS = 5;
const ALONE = 100;
const COLUMNS = [
  "guest",
  "case",
  "host",
  "req/s",
  "p50",
  "p99",
  "alone",
  "peak RSS",
  "start-up",
  "ours/its",
];

interface Measured extends Load {
  /** Time of a request while there is no other, in milliseconds. */
  readonly alone: number;
  readonly startMillis: number;
  readonly peakMemory: number | undefined;
}

/** A measurement, or the reason why there is none. */
type Result = Measured | string;

const FLAG = "--connections=";
const chosen = Deno.args.filter((arg) => !arg.startsWith(FLAG));
const connections = Number(
  Deno.args.find((arg) => arg.startsWith(FLAG))?.slice(FLAG.length) ?? CONNECTIONS,
);
const unknown = chosen.filter((name) => !GUESTS.includes(name));
if (unknown.length) {
  print(
    Deno.stderr,
    `Cannot measure ${unknown.join(" and ")}: the guests are ${GUESTS.join(", ")}`,
  );
  Deno.exit(2);
}
const hasWrk = await isInstalled("wrk");
const load = hasWrk ? wrk : autocannon;
using _origin = await startOrigin();
const hosts = await isInstalled(VICEROY.command) ? [FASTLIKE, VICEROY] : [FASTLIKE];
print(
  Deno.stdout,
  `${connections} connections for ${SECONDS} s, by ${hasWrk ? "wrk" : "autocannon"}\n`,
);
print(Deno.stdout, row(COLUMNS));
print(Deno.stdout, row(COLUMNS.map(() => "---")));
for (const guest of chosen.length ? chosen : GUESTS) {
  for (const measured of CASES[guest]!) await measureGuest(guest, measured);
}

async function measureGuest(guest: string, measured: Case): Promise<void> {
  const wasm = new URL(`../testdata/built/${guest}.wasm`, import.meta.url).pathname;
  try {
    await Deno.stat(wasm);
  } catch {
    return print(Deno.stdout, row([guest, measured.name, "", "not built: deno task guests"]));
  }
  const results = new Map<Host, Result>();
  for (let turn = 0; turn < TURNS; turn++) {
    for (const host of hosts) {
      const before = results.get(host);
      if (typeof before === "string") continue;
      results.set(host, better(before, await measure(host, wasm, measured)));
    }
  }
  const ours = results.get(FASTLIKE);
  for (const [host, result] of results) {
    print(
      Deno.stdout,
      row([
        guest,
        measured.name,
        host.name,
        ...cells(result, host === FASTLIKE ? undefined : ours),
      ]),
    );
  }
}

async function measure(host: Host, wasm: string, measured: Case): Promise<Result> {
  try {
    await using server = await start(host, wasm);
    await prepare(measured, server.origin);
    const url = server.origin + measured.path;
    await load(url, WARM_UP_SECONDS, connections);
    const alone = await requestAlone(url);
    const seen = await load(url, SECONDS, connections);
    return { ...seen, alone, startMillis: server.startMillis, peakMemory: server.peakMemory() };
  } catch (error) {
    return messageOf(error);
  }
}

async function requestAlone(url: string): Promise<number> {
  const times = [];
  for (let i = 0; i < ALONE; i++) {
    const begin = performance.now();
    await (await fetch(url)).text();
    times.push(performance.now() - begin);
  }
  return times.toSorted((one, other) => one - other)[ALONE >> 1]!;
}

function better(one: Measured | undefined, other: Result): Result {
  if (one === undefined || typeof other === "string") return other;
  const startMillis = Math.min(one.startMillis, other.startMillis);
  return { ...(one.perSecond > other.perSecond ? one : other), startMillis };
}

/** @param ours Measurement that the ratio refers to. */
function cells(result: Result, ours: Result | undefined): string[] {
  if (typeof result === "string") return [`refused: ${result}`];
  const { perSecond, p50, p99, failed, alone, peakMemory, startMillis } = result;
  const ratio = ours && typeof ours !== "string"
    ? `${(ours.perSecond / perSecond).toFixed(2)}x`
    : "";
  return [
    Math.round(perSecond) + (failed ? ` (${failed} failed)` : ""),
    `${p50.toFixed(2)} ms`,
    `${p99.toFixed(2)} ms`,
    `${alone.toFixed(2)} ms`,
    peakMemory === undefined ? "" : `${Math.round(peakMemory / 2 ** 20)} MiB`,
    `${Math.round(startMillis)} ms`,
    ratio,
  ];
}

function row(cells: readonly string[]): string {
  const widths = [14, 9, 8, 8, 10, 10, 8, 8, 8, 8];
  const padded = widths.map((width, at) => (cells[at] ?? "").padEnd(width));
  return `| ${padded.join(" | ")} |`;
}

function print(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  stream.writeSync(new TextEncoder().encode(line + "\n"));
}
