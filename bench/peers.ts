// Prints the table of figures to reach, in turns with the official host, and fails where that is not installed:
//
//   deno task bench:peers [turns] [name...]
//
// Names choose the rows that have one of them in theirs, as `go`, and `workers` the second table; by default all are
// measured. Of each figure the median of five turns counts. Build the guests first: deno task guests.
import type { Case } from "./cases.ts";
import { CASES, prepare } from "./cases.ts";
import { wrk } from "./load.ts";
import {
  FASTLIKE,
  type Host,
  INSTALLED,
  isInstalled,
  start,
  startOrigin,
  VICEROY,
} from "./server.ts";
import { compareWorkers } from "./workers.ts";

const ROOT = new URL("../", import.meta.url);
const [turns = "5", ...names] = Deno.args;
const TURNS = Number(turns);
const isChosen = (name: string) => !names.length || names.some((one) => name.includes(one));
const SECONDS = 5;
const WARM_UP_SECONDS = 2;
/** Bytes that the origin sends for `/big`. */
const BIG = 2 ** 30;

/** A row of the table. */
interface Row {
  readonly name: string;
  readonly goal: string;
  readonly wasm: string;
  /** Measures a started server; returns a figure, of which the greater is the better unless `less` is set. */
  measure(server: Server): Promise<number>;
  readonly unit: string;
  readonly less?: boolean;
  /** This project's form that is measured; by default a checkout. */
  readonly ours?: Host;
}

type Server = Awaited<ReturnType<typeof start>>;

const built = (name: string) => new URL(`testdata/built/${name}.wasm`, ROOT).pathname;
const compute = new URL("bench/compute/target/wasm32-wasip1/release/compute.wasm", ROOT).pathname;

function throughput(guest: string, name: string, goal: string): Row {
  const measured = CASES[guest]!.find((one) => one.name === name)!;
  return {
    name: `${guest} ${name}`,
    goal,
    wasm: built(guest),
    unit: "req/s",
    measure: (server) => perSecond(server, measured),
  };
}

async function perSecond(server: Server, measured: Case): Promise<number> {
  await prepare(measured, server.origin);
  await wrk(server.origin + measured.path, WARM_UP_SECONDS);
  const seen = await wrk(server.origin + measured.path, SECONDS);
  if (seen.failed) throw new Error(`${seen.failed} requests failed`);
  return seen.perSecond;
}

/** Milliseconds of a request that computes: the median of forty, one after another, after a warm-up. */
function computing(path: string): Row {
  return {
    name: `compute ${path}`,
    goal: "0.9 of its time at most",
    wasm: compute,
    unit: "ms",
    less: true,
    async measure({ origin }) {
      const times = [];
      for (let i = 0; i < 80; i++) {
        const begin = performance.now();
        const response = await fetch(`${origin}/${path}`);
        await response.text();
        if (i >= 40) times.push(performance.now() - begin);
      }
      return median(times);
    },
  };
}

const START: readonly Row[] = ["rust", "javascript", "go"].flatMap((guest) => {
  const row: Row = {
    name: `${guest} start to first answer`,
    goal: { rust: "120 ms", javascript: "400 ms", go: "250 ms" }[guest]!,
    wasm: built(guest),
    unit: "ms",
    less: true,
    measure: ({ startMillis }) => Promise.resolve(startMillis),
  };
  return [row, { ...row, name: `${row.name}, installed`, ours: INSTALLED }];
});

const RESIDENT: readonly Row[] = ["rust", "javascript"].map((guest) => ({
  name: `${guest} resident under load`,
  goal: { rust: "150 MB", javascript: "200 MB" }[guest]!,
  wasm: built(guest),
  unit: "MB",
  less: true,
  async measure(server) {
    await perSecond(server, CASES[guest]![0]!);
    return server.peakMemory()! / 1e6;
  },
}));

const HANDED_ON: Row = {
  name: "1 GiB handed on unread",
  goal: "as quick as its",
  wasm: built("rust"),
  unit: "MB/s",
  async measure({ origin }) {
    const begin = performance.now();
    const response = await fetch(`${origin}/proxy/origin/big`);
    let bytes = 0;
    for await (const piece of response.body!) bytes += piece.length;
    if (bytes !== BIG) throw new Error(`It sent ${bytes} bytes`);
    return BIG / 1000 / (performance.now() - begin);
  },
};

const ROWS: readonly Row[] = [
  throughput("rust", "hello", "9 times its"),
  throughput("javascript", "hello", "10 times"),
  throughput("go", "hello", "1.6 times"),
  throughput("rust", "proxied", "6 times"),
  throughput("javascript", "proxied", "8 times"),
  throughput("rust", "cache hit", "9.0 times"),
  throughput("rust", "KV read", "4.5 times"),
  HANDED_ON,
  ...["sha512", "sort", "matrix", "json", "sieve"].map(computing),
  ...RESIDENT,
  ...START,
];

if (!await isInstalled(VICEROY.command) || !await isInstalled("wrk")) {
  print("Cannot compare: viceroy and wrk have to be installed");
  Deno.exit(1);
}
using _origin = await startOrigin();
await run("cargo", ["build", "--release", "--target", "wasm32-wasip1"], "bench/compute/");
await run(Deno.execPath(), ["task", "bundle"]);
print(`Median of ${TURNS} turns\n`);
print("| | ours | its | ratio | goal |\n| --- | --- | --- | --- | --- |");
for (const row of ROWS) if (isChosen(row.name)) print(await compared(row));
print("");
if (isChosen("workers")) await compareWorkers(TURNS, print);

async function compared(row: Row): Promise<string> {
  const ours: number[] = [];
  const its: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    ours.push(await measured(row.ours ?? FASTLIKE, row));
    its.push(await measured(VICEROY, row));
  }
  const [one, other] = [median(ours), median(its)];
  const figure = (value: number) =>
    `${value < 100 ? value.toFixed(2) : Math.round(value)} ${row.unit}`;
  return `| ${row.name} | ${figure(one)} | ${figure(other)} | ${
    (one / other).toFixed(2)
  } | ${row.goal} |`;
}

async function measured(host: Host, row: Row): Promise<number> {
  await using server = await start(host, row.wasm);
  return await row.measure(server);
}

async function run(command: string, args: string[], folder = ""): Promise<void> {
  const cwd = new URL(folder, ROOT).pathname;
  const { success, stderr } = await new Deno.Command(command, { args, cwd }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
