// Shows how long processes take to start, and what modules have to do with it:
//
//   deno run -A bench/start.ts [other checkout...]
//
// Each line is the median of some starts, in turns: an empty program, those of modules of `node:` (above it), the
// command line's `--version`, and the time to the first answer of each guest, here and in the other checkouts. On Linux
// the last ones have the processor time of the main thread, which differs less from run to run.
const TURNS = 7;
const HERE = new URL("..", import.meta.url).pathname;
const NODE = ["process", "buffer", "crypto", "zlib", "net", "tls", "http", "http2"];
const GUESTS = ["rust", "javascript", "go"];

const empty = await Deno.makeTempFile({ suffix: ".js" });
const starts: Record<string, () => Promise<number | void>> = {
  "an empty program": () => ended([empty]),
};
for (const name of NODE) {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  await Deno.writeTextFile(file, `import "node:${name}";`);
  starts[`node:${name}`] = () => ended([file]);
}
for (const folder of [HERE, ...Deno.args.map((path) => `${path}/`)]) {
  const label = folder === HERE ? "" : ` (${folder})`;
  starts[`--version${label}`] = () => ended([`${folder}cli.ts`, "--version"]);
  for (const guest of GUESTS) {
    const wasm = `${HERE}testdata/built/${guest}.wasm`;
    starts[`${guest}, to its first answer${label}`] = () => answered(`${folder}cli.ts`, wasm);
  }
}

const seen = new Map(
  Object.keys(starts).map((name) => [name, { wall: [] as number[], main: [] as number[] }]),
);
for (let turn = 0; turn <= TURNS; turn++) {
  for (const [name, start] of Object.entries(starts)) {
    const before = performance.now();
    const main = await start();
    if (!turn) continue; // the first fills caches
    seen.get(name)!.wall.push(performance.now() - before);
    if (main) seen.get(name)!.main.push(main);
  }
}
for (const [name, { wall, main }] of seen) {
  const processor = main.length ? `, main thread ${median(main).toFixed(0)} ms` : "";
  const line = `${median(wall).toFixed(0).padStart(6)} ms  ${name}${processor}\n`;
  await Deno.stdout.write(new TextEncoder().encode(line));
}

async function ended(args: string[]): Promise<void> {
  const { success } = await command(args).output();
  if (!success) throw new Error(`deno run ${args.join(" ")} has failed`);
}

/** Starts a server; resolves after its first answer, to the processor time of its main thread in milliseconds. */
async function answered(cli: string, wasm: string): Promise<number> {
  const child = command([cli, "serve", wasm, "--bind", "localhost:0"]).spawn();
  try {
    let output = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      const [url] = /http:\/\/\S+/.exec(output) ?? [];
      if (!url) continue;
      const response = await fetch(`${url}/hello`);
      await response.body?.cancel();
      return await processorTime(child.pid);
    }
    throw new Error(`${wasm} is not served`);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

/** Returns the processor time of a process's main thread, in milliseconds; 0 where it cannot be read. */
async function processorTime(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/schedstat`).catch(() => "0");
  return Number(text.split(" ")[0]) / 1e6;
}

function command(args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!;
}
