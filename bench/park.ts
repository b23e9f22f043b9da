// Shows the median and the 99th percentile of a request's duration at half of the load that a host can take, with and
// without instances that wait for requests:
//
//   deno run -A bench/park.ts [guest] [park] [seconds]
import { HELLO } from "./cases.ts";
import { wrk } from "./load.ts";
import { FASTLIKE, type Server, start } from "./server.ts";

const [guest = "go", park = "2", seconds = "2"] = Deno.args;
const TURNS = 8;
const WARM_UP_SECONDS = 4;
const wasm = new URL(`../testdata/built/${guest}.wasm`, import.meta.url).pathname;

await using without = await start(FASTLIKE, wasm);
await using with_ = await start(FASTLIKE, wasm, ["--park", park]);
const servers = { "started for each request": without, [`--park ${park}`]: with_ };
for (const server of Object.values(servers)) await wrk(server.origin + HELLO.path, WARM_UP_SECONDS);
const { perSecond } = await wrk(without.origin + HELLO.path, WARM_UP_SECONDS);
const rate = perSecond / 2;
print(
  `${guest} hello at ${Math.round(rate)} requests a second, half of ${Math.round(perSecond)}\n`,
);
print("| | p50 | p90 | p99 |\n| --- | --- | --- | --- |");
const times = new Map(Object.keys(servers).map((name) => [name, [] as number[]]));
for (let turn = 0; turn < TURNS; turn++) {
  for (const [name, server] of Object.entries(servers)) {
    times.get(name)!.push(...await atRate(server, rate, Number(seconds)));
  }
}
for (const [name, seen] of times) {
  seen.sort((a, b) => a - b);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((part) => seen[Math.floor(seen.length * part)]!);
  print(`| ${name} | ${p50!.toFixed(2)} ms | ${p90!.toFixed(2)} ms | ${p99!.toFixed(2)} ms |`);
}

/** Sends requests at random times, as independent clients do, and returns their durations. */
async function atRate(server: Server, perSecond: number, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const pending = new Set<Promise<void>>();
  const end = performance.now() + seconds * 1000;
  for (let due = performance.now(); due < end;) {
    due += -Math.log(1 - Math.random()) * 1000 / perSecond;
    while (performance.now() < due) await pause(due - performance.now());
    const one = timed(server, due).then((millis) => {
      times.push(millis);
      pending.delete(one);
    });
    pending.add(one);
  }
  await Promise.all(pending);
  return times;
}

/** Returns the time from the moment when the request was due to the end of its response. */
async function timed({ origin }: Server, due: number): Promise<number> {
  const response = await fetch(origin + HELLO.path);
  await response.text();
  if (!response.ok) throw new Error(`It answered with ${response.status}`);
  return performance.now() - due;
}

/** Waits by turns of the event loop when less than a timer's step is left. */
function pause(millis: number): Promise<void> {
  return new Promise((resolve) => {
    if (millis > 1) setTimeout(resolve, millis - 1);
    else setImmediate(resolve);
  });
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
