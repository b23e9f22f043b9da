// Compares two workers with one process, in turns:
//
//   deno run -A bench/workers.ts [turns] [WORKERS]
//
// Of each figure the median counts. The load generator takes its share of the cores, which is told: where it and one
// process fill two cores, a second worker has little left.
import { type Case, CASES, prepare } from "./cases.ts";
import { type Load, wrk } from "./load.ts";
import { FASTLIKE, start, startOrigin } from "./server.ts";

const ROOT = new URL("../", import.meta.url);
const SECONDS = 5;
const WARM_UP_SECONDS = 2;

/** What is measured, with the goal: times the requests of one process. */
const ROWS = [
  ["rust", "hello", "1"],
  ["javascript", "hello", "1.5"],
  ["go", "hello", "1.5"],
  ["rust", "proxied", "1"],
  ["javascript", "proxied", "1.5"],
] as const;

/**
 * Prints a table.
 *
 * @param turns How often each is measured.
 * @param print Takes a line.
 */
export async function compareWorkers(
  turns: number,
  print: (line: string) => void,
  workers = 2,
): Promise<void> {
  print(`| | one process | ${workers} workers | ratio | goal | p99 | the generator's CPU |`);
  print("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [guest, name, goal] of ROWS) {
    const measured = CASES[guest]!.find((one) => one.name === name)!;
    const alone: Load[] = [];
    const several: Load[] = [];
    for (let turn = 0; turn < turns; turn++) {
      alone.push(await measure(guest, measured, 1));
      several.push(await measure(guest, measured, workers));
    }
    const of = (loads: readonly Load[], figure: (load: Load) => number) =>
      loads.map(figure).sort((one, other) => one - other)[Math.floor(turns / 2)]!;
    const [one, more] = [alone, several].map((loads) => of(loads, ({ perSecond }) => perSecond));
    const [p99, p99s] = [alone, several].map((loads) => of(loads, ({ p99 }) => p99));
    const [cpu, cpus] = [alone, several].map((loads) =>
      of(loads, ({ cpuSeconds = NaN }) => cpuSeconds / SECONDS)
    );
    const cells = [
      ...[`${guest} ${name}`, `${Math.round(one!)} req/s`, `${Math.round(more!)} req/s`],
      ...[(more! / one!).toFixed(2), goal, `${p99!.toFixed(1)} and ${p99s!.toFixed(1)} ms`],
      `${cpu!.toFixed(2)} and ${cpus!.toFixed(2)} of a core`,
    ];
    print(`| ${cells.join(" | ")} |`);
  }
}

async function measure(guest: string, measured: Case, workers: number): Promise<Load> {
  const wasm = new URL(`testdata/built/${guest}.wasm`, ROOT).pathname;
  await using server = await start(FASTLIKE, wasm, ["--workers", `${workers}`]);
  const url = server.origin + measured.path;
  await prepare(measured, server.origin);
  await wrk(url, WARM_UP_SECONDS);
  const load = await wrk(url, SECONDS);
  if (load.failed) throw new Error(`${load.failed} requests failed`);
  return load;
}

if (import.meta.main) {
  using _origin = await startOrigin();
  const [turns = 5, workers = 2] = Deno.args.map(Number);
  const print = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  await compareWorkers(turns, print, workers);
}
