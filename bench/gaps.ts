// Shows for how long at most the event loop is held up while a program loads, reloads and answers first:
//
//   deno run -A bench/gaps.ts [guest...]
//
// A gap is the time between two turns of the event loop, in which no other request can go on. On Linux its length is told
// in this thread's processor time, too, which other work on the machine does not add to. Guests are those of
// testdata/built, by default the Rust, Go and JavaScript ones and the Flask component. Each step is made three times, in
// a new process, since V8 has not optimised anything in the first one.
import { clearImmediate, setImmediate } from "node:timers";
import { componentLoader } from "../drivers/components.ts";
import { Fastlike } from "../mod.ts";

const GUESTS = ["rust", "go", "javascript", "python"];
const TIMES = 2;

/** Number of the clock for a thread's processor time on Linux. */
const THREAD_CLOCK = 3;

const processorMillis = Deno.build.os === "linux" ? threadClock() : () => NaN;

/** Returns a clock of this thread's processor time: that of `node:process` counts in ticks of some milliseconds. */
function threadClock(): () => number {
  const { symbols } = Deno.dlopen("libc.so.6", {
    clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const time = new BigInt64Array(2);
  return () => {
    symbols.clock_gettime(THREAD_CLOCK, time);
    return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
  };
}

/** Longest time between two turns of the event loop during a step, in milliseconds. */
class Gaps implements Disposable {
  #last = performance.now();
  #lastProcessor = processorMillis();
  #longest = 0;
  #longestProcessor = 0;
  #turns = 0;
  #next: NodeJS.Immediate | undefined;

  constructor() {
    const turn = () => {
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
      const processor = processorMillis();
      this.#longestProcessor = Math.max(this.#longestProcessor, processor - this.#lastProcessor);
      this.#lastProcessor = processor;
      this.#turns++;
      this.#next = setImmediate(turn);
    };
    turn();
  }

  async during<T>(name: string, step: () => Promise<T>): Promise<T> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#longest = this.#longestProcessor = this.#turns = 0;
    const began = performance.now();
    const result = await step();
    const millis = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, 20));
    print(`  ${name.padEnd(16)} ${millis.toFixed(0).padStart(6)} ms, longest gap `);
    print(`${this.#longest.toFixed(0).padStart(4)} ms, `);
    print(`${this.#longestProcessor.toFixed(0).padStart(4)} ms of processor time, `);
    print(`${this.#turns} turns\n`);
    return result;
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

async function measure(guest: string): Promise<void> {
  using gaps = new Gaps();
  const bytes = await Deno.readFile(new URL(`../testdata/built/${guest}.wasm`, import.meta.url));
  const options = { components: componentLoader };
  await using app = await gaps.during("load", () => Fastlike.load(bytes, options));
  const ask = async () => {
    const response = await app.handler(new Request("http://guest.test/hello"));
    await response.text();
  };
  await gaps.during("first request", ask);
  await gaps.during("second request", ask);
  for (let i = 0; i < 2; i++) {
    await gaps.during("reload", () => app.reload(bytes));
    await gaps.during("first request", ask);
  }
}

if (Deno.args[0] === "--one") {
  await measure(Deno.args[1]!);
  Deno.exit();
}
for (const guest of Deno.args.length ? Deno.args : GUESTS) {
  print(`${guest}:\n`);
  for (let i = 0; i < TIMES; i++) {
    const args = ["run", "-A", "--no-check", import.meta.filename!, "--one", guest];
    await new Deno.Command(Deno.execPath(), { args, stdout: "inherit" }).output();
  }
}
